/** Carries one delivery to Temporal. Every call may be repeated: ids and policies make the repeat harmless. */
import type { Client, WorkflowStartOptions } from '@temporalio/client';
import {
  isGrpcServiceError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/client';

import type { Delivery, DeliveryPayload } from '../db/deliveries.ts';
import type { runWorkflow } from '../workflows/run.ts';
import { runWorkflowId, toolOutputsSubmitted } from '../workflows/signals.ts';
import { SEARCH_ATTRIBUTES } from './search-attributes.ts';

export type DeliverOptions = {
  taskQueue: string;
  maxTurns: number;
  /** Only when the worker shares this process and this connection. */
  eagerStart: boolean;
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
  if (payload.kind === 'start') return start(client, runId, payload, options);
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

async function start(
  client: Client,
  runId: string,
  payload: StartPayload,
  options: DeliverOptions,
): Promise<DeliverResult> {
  const plain = startOptions(runId, payload, options);
  const attributes = [
    { key: SEARCH_ATTRIBUTES.assistantId, value: payload.assistantId },
    { key: SEARCH_ATTRIBUTES.threadId, value: payload.threadId },
    { key: SEARCH_ATTRIBUTES.runStatus, value: 'in_progress' },
    { key: SEARCH_ATTRIBUTES.model, value: payload.model },
    { key: SEARCH_ATTRIBUTES.projectId, value: payload.projectId },
  ];
  try {
    await client.workflow.start<typeof runWorkflow>('runWorkflow', {
      ...plain,
      typedSearchAttributes: attributes,
    });
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return 'accepted';
    if (!isUnknownAttribute(error)) throw error;
    // A server set up without our attributes: the run matters more than finding it.
    await startPlain(client, plain);
  }
  return 'accepted';
}

async function startPlain(
  client: Client,
  options: WorkflowStartOptions<typeof runWorkflow>,
): Promise<void> {
  try {
    await client.workflow.start<typeof runWorkflow>('runWorkflow', options);
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

function startOptions(
  runId: string,
  payload: StartPayload,
  options: DeliverOptions,
): WorkflowStartOptions<typeof runWorkflow> {
  return {
    workflowId: runWorkflowId(runId),
    taskQueue: options.taskQueue,
    args: [{ v: 1, runId, expiresAtMs: payload.expiresAtMs, maxTurns: options.maxTurns }],
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
    requestEagerStart: options.eagerStart,
    staticSummary: `${payload.assistantId} · ${payload.model}`,
    staticDetails: `Run \`${runId}\` on thread \`${payload.threadId}\`, project \`${payload.projectId}\`.`,
  };
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
