/** Carries one delivery to Temporal. Every call may be repeated: ids and policies make the repeat harmless. */
import type { Client, WorkflowStartOptions } from '@temporalio/client';
import {
  isGrpcServiceError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { Workflow } from '@temporalio/common';

import type { Delivery, DeliveryPayload } from '../db/core/deliveries.ts';
import type { ingestFileWorkflow } from '../workflows/ingest-file.ts';
import type { runWorkflow } from '../workflows/run.ts';
import { runWorkflowId, toolOutputsSubmitted } from '../workflows/signals.ts';
import { SEARCH_ATTRIBUTES } from './search-attributes.ts';

export type DeliverOptions = {
  taskQueue: string;
  maxTurns: number;
};

/** `lost`: there is no such workflow (yet). A start may still be under way, or the reconciler will look at the run. */
export type DeliverResult = 'accepted' | 'lost';

/** @throws when Temporal cannot be reached: the delivery stays and is repeated */
export async function deliver(
  client: Client,
  delivery: Delivery,
  options: DeliverOptions,
): Promise<DeliverResult> {
  const { runId, payload } = delivery;
  if (payload.kind === 'start') {
    const attributes = [
      { key: SEARCH_ATTRIBUTES.assistantId, value: payload.assistantId },
      { key: SEARCH_ATTRIBUTES.threadId, value: payload.threadId },
      { key: SEARCH_ATTRIBUTES.runStatus, value: 'in_progress' },
      { key: SEARCH_ATTRIBUTES.model, value: payload.model },
      { key: SEARCH_ATTRIBUTES.projectId, value: payload.projectId },
    ];
    return start<typeof runWorkflow>(
      client,
      'runWorkflow',
      runOptions(runId, payload, options),
      attributes,
    );
  }
  if (payload.kind === 'ingest') {
    const attributes = [
      { key: SEARCH_ATTRIBUTES.vectorStoreId, value: payload.vectorStoreId },
      { key: SEARCH_ATTRIBUTES.projectId, value: payload.projectId },
    ];
    const plain = ingestOptions(runId, payload, options);
    return start<typeof ingestFileWorkflow>(client, 'ingestFileWorkflow', plain, attributes);
  }
  const handle = client.workflow.getHandle(runWorkflowId(runId));
  try {
    if (payload.kind === 'signal') await handle.signal(toolOutputsSubmitted, payload.submission);
    else await handle.cancel();
    return 'accepted';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'lost';
    throw error;
  }
}

type StartPayload = Extract<DeliveryPayload, { kind: 'start' }>;
type IngestPayload = Extract<DeliveryPayload, { kind: 'ingest' }>;

async function start<T extends Workflow>(
  client: Client,
  name: string,
  options: WorkflowStartOptions<T>,
  typedSearchAttributes: WorkflowStartOptions['typedSearchAttributes'],
): Promise<DeliverResult> {
  try {
    await startOnce(client, name, { ...options, typedSearchAttributes });
  } catch (error) {
    if (!isUnknownAttribute(error)) throw error;
    // A server set up without our attributes: the work matters more than finding it.
    await startOnce(client, name, options);
  }
  return 'accepted';
}

async function startOnce<T extends Workflow>(
  client: Client,
  name: string,
  options: WorkflowStartOptions<T>,
): Promise<void> {
  try {
    await client.workflow.start<T>(name, options);
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

function runOptions(
  runId: string,
  payload: StartPayload,
  options: DeliverOptions,
): WorkflowStartOptions<typeof runWorkflow> {
  return {
    ...once(options),
    workflowId: runWorkflowId(runId),
    args: [{ v: 2, runId, expiresAtMs: payload.expiresAtMs, maxTurns: options.maxTurns }],
    staticSummary: `${payload.assistantId} · ${payload.model}`,
    staticDetails: `Run \`${runId}\` on thread \`${payload.threadId}\`, project \`${payload.projectId}\`.`,
  };
}

function ingestOptions(
  workflowId: string,
  payload: IngestPayload,
  options: DeliverOptions,
): WorkflowStartOptions<typeof ingestFileWorkflow> {
  const { seq, vectorStoreId, fileId, projectId } = payload;
  return {
    ...once(options),
    workflowId,
    args: [{ v: 1, seq }],
    staticSummary: fileId,
    staticDetails: `File \`${fileId}\` into vector store \`${vectorStoreId}\`, project \`${projectId}\`.`,
  };
}

function once(options: DeliverOptions) {
  return {
    taskQueue: options.taskQueue,
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
  } as const;
}

function isUnknownAttribute(error: unknown): boolean {
  const grpc = error instanceof ServiceError ? error.cause : error;
  const INVALID_ARGUMENT = 3;
  return (
    isGrpcServiceError(grpc) &&
    grpc.code === INVALID_ARGUMENT &&
    /search attribute/i.test(grpc.details)
  );
}
