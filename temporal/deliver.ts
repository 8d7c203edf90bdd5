/** Carries one delivery to Temporal. Every call may be repeated: ids and policies make the repeat harmless. */
import type { Client, WorkflowStartOptions } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import type { Workflow } from '@temporalio/common';

import type { BatchId, RunId, ScheduleId } from '../wire/ids.ts';
import type { Logger } from '../config/log.ts';
import type { Delivery, DeliveryPayload } from '../db/core/deliveries.ts';
import { removeDelivery } from '../db/core/deliveries.ts';
import type { Pool } from '../db/core/pool.ts';
import { inProject } from '../db/core/row-scope.ts';
import { startNextRun } from '../db/threads/start-next.ts';
import { continueTrace } from '../telemetry/trace.ts';
import type { batchWorkflow } from '../workflows/batch.ts';
import type { ingestFileWorkflow } from '../workflows/ingest-file.ts';
import type { passLineWorkflow } from '../workflows/pass-line.ts';
import type { runWorkflow } from '../workflows/run.ts';
import type { deliverWebhookWorkflow } from '../workflows/deliver-webhook.ts';
import type { upstreamWorkflow } from '../workflows/upstream.ts';
import {
  batchResumed,
  toolOutputsSubmitted,
  turnAnswered,
  upstreamWorkflowId,
  wakeBatch,
} from '../workflows/signals.ts';
import { SEARCH_ATTRIBUTES } from './search-attributes.ts';
import { syncSchedule } from './sync-schedule.ts';
import { refusalOf } from './when-there.ts';

export type Outbox = {
  pool: Pool;
  client: Client;
  log: Logger;
  taskQueue: string;
  /** Of a run. */
  maxTurns: number;
};

/** `lost`: there is no such workflow (yet). A start may still be under way, or the reconciler will look at the run. */
export type DeliverResult = 'accepted' | 'lost';

/** @throws when Temporal cannot be reached: the delivery stays and is repeated */
export function deliver(outbox: Outbox, delivery: Delivery): Promise<DeliverResult> {
  return continueTrace(delivery.payload.trace, () => carry(outbox, delivery));
}

async function carry(outbox: Outbox, { workflowId, payload }: Delivery): Promise<DeliverResult> {
  const { client } = outbox;
  if (payload.kind === 'start') return startRun(outbox, workflowId as RunId, payload);
  if (payload.kind === 'ingest') return startIngest(outbox, workflowId, payload);
  if (payload.kind === 'line') return startLine(outbox, workflowId, payload);
  if (payload.kind === 'batch') return startBatch(outbox, workflowId as BatchId, payload);
  if (payload.kind === 'schedule') return syncSchedule(outbox, workflowId as ScheduleId);
  if (payload.kind === 'next') return startNext(outbox, payload);
  if (payload.kind === 'upstream') return wakeUpstream(outbox, payload.model);
  if (payload.kind === 'webhook') return startWebhook(outbox, workflowId, payload);
  const handle = client.workflow.getHandle(workflowId);
  try {
    if (payload.kind === 'signal') await handle.signal(toolOutputsSubmitted, payload.submission);
    else if (payload.kind === 'wake') await handle.signal(wakeBatch);
    else if (payload.kind === 'resume') await handle.signal(batchResumed);
    else if (payload.kind === 'answered') await handle.signal(turnAnswered, payload.turn);
    else await handle.cancel();
    return 'accepted';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'lost';
    throw error;
  }
}

const NOT_OF_RUNS = ['ingest', 'batch', 'line', 'wake', 'schedule', 'next', 'upstream', 'webhook'];

/** A run's workflow has the run's own id, so that a repeated start changes nothing. */
export const logFieldsOf = ({ workflowId, payload: { kind } }: Delivery) => ({
  [NOT_OF_RUNS.includes(kind) ? 'workflow_id' : 'run_id']: workflowId,
  kind,
});

/** The run has its own delivery from then on, which is also repeated if this one is cut off. */
async function startNext(outbox: Outbox, payload: Payload<'next'>): Promise<DeliverResult> {
  const started = await inProject(payload.projectId, () => startNextRun(outbox.pool, payload));
  for (const delivery of started) {
    await deliver(outbox, delivery);
    await removeDelivery(outbox.pool, delivery.id);
  }
  return 'accepted';
}

type Payload<Kind> = Extract<DeliveryPayload, { kind: Kind }>;

function startRun(
  { client, taskQueue, maxTurns }: Outbox,
  runId: RunId,
  payload: Payload<'start'>,
): Promise<DeliverResult> {
  const { assistantId, threadId, projectId, model, expiresAtMs, batch } = payload;
  const options: WorkflowStartOptions<typeof runWorkflow> = {
    ...once(taskQueue, projectId),
    workflowId: runId,
    args: [{ v: 2, runId, expiresAtMs, maxTurns, ...(batch && { batched: true }) }],
    ...(batch && { priority: { priorityKey: batch.priority, fairnessKey: projectId } }),
    staticSummary: `${assistantId} · ${model}`,
    staticDetails: `Run \`${runId}\` on thread \`${threadId}\`, project \`${projectId}\`.`,
  };
  const attributes = { assistantId, threadId, runStatus: 'in_progress', model, projectId };
  const ofBatch = batch && { batchId: batch.id };
  return start(client, 'runWorkflow', options, { ...attributes, ...ofBatch });
}

function startIngest(
  { client, taskQueue }: Outbox,
  workflowId: string,
  { seq, vectorStoreId, fileId, projectId }: Payload<'ingest'>,
): Promise<DeliverResult> {
  const options: WorkflowStartOptions<typeof ingestFileWorkflow> = {
    ...once(taskQueue, projectId),
    workflowId,
    args: [{ v: 1, seq }],
    staticSummary: fileId,
    staticDetails: `File \`${fileId}\` into vector store \`${vectorStoreId}\`, project \`${projectId}\`.`,
  };
  return start(client, 'ingestFileWorkflow', options, { vectorStoreId, projectId });
}

/** A batch whose workflow was terminated may be started again: its rows say where it stands. */
function startBatch(
  { client, taskQueue }: Outbox,
  batchId: BatchId,
  { projectId, endpoint }: Payload<'batch'>,
): Promise<DeliverResult> {
  const options: WorkflowStartOptions<typeof batchWorkflow> = {
    ...once(taskQueue, projectId),
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowId: batchId,
    args: [{ v: 1, batchId }],
    staticSummary: `batch of ${endpoint}`,
    staticDetails: `Batch \`${batchId}\`, project \`${projectId}\`.`,
  };
  return start(client, 'batchWorkflow', options, { batchId, projectId });
}

/** One that was terminated may be started again: its row says whether it is still wanted. */
function startLine(
  { client, taskQueue }: Outbox,
  workflowId: string,
  { projectId, batchId, line, url, expiresAtMs, priority }: Payload<'line'>,
): Promise<DeliverResult> {
  const options: WorkflowStartOptions<typeof passLineWorkflow> = {
    ...once(taskQueue, projectId),
    workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
    workflowId,
    args: [{ v: 1, batchId, line, expiresAtMs }],
    priority: { priorityKey: priority, fairnessKey: projectId },
    staticSummary: `${url}, line ${line}`,
    staticDetails: `Batch \`${batchId}\`, project \`${projectId}\`.`,
  };
  return start(client, 'passLineWorkflow', options, { batchId, projectId });
}

function startWebhook(
  { client, taskQueue }: Outbox,
  workflowId: string,
  { projectId, deliveryId, round }: Payload<'webhook'>,
): Promise<DeliverResult> {
  const options: WorkflowStartOptions<typeof deliverWebhookWorkflow> = {
    ...once(taskQueue, projectId),
    workflowId,
    args: [{ v: 1, deliveryId, round }],
    staticDetails: `Webhook delivery \`${deliveryId}\`, project \`${projectId}\`.`,
  };
  return start(client, 'deliverWebhookWorkflow', options, { projectId });
}

/** One that is about to end hears the signal and goes on. */
export async function wakeUpstream(
  { client, taskQueue }: Pick<Outbox, 'client' | 'taskQueue'>,
  model: string,
): Promise<DeliverResult> {
  await client.workflow.signalWithStart<typeof upstreamWorkflow>('upstreamWorkflow', {
    taskQueue,
    workflowId: upstreamWorkflowId(taskQueue, model),
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    args: [{ v: 1, model }],
    signal: wakeBatch,
    staticSummary: `batches at the server of ${model}`,
  });
  return 'accepted';
}

async function start<T extends Workflow>(
  client: Client,
  name: string,
  options: WorkflowStartOptions<T>,
  attributes: Partial<Record<keyof typeof SEARCH_ATTRIBUTES, string>>,
): Promise<DeliverResult> {
  const typedSearchAttributes = Object.entries(attributes).map(([attribute, value]) => ({
    key: SEARCH_ATTRIBUTES[attribute as keyof typeof SEARCH_ATTRIBUTES],
    value,
  }));
  try {
    await startOnce(client, name, { ...options, typedSearchAttributes });
  } catch (error) {
    if (!/search attribute/i.test(refusalOf(error) ?? '')) throw error;
    // The server does not know these attributes: the work matters more than finding it.
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

/** Activities have their workflow's key. A server without fairness takes no notice of it. */
function once(taskQueue: string, projectId: string) {
  return {
    taskQueue,
    priority: { fairnessKey: projectId },
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
  } as const;
}
