/** Carries one delivery to Temporal. Every call may be repeated: ids and policies make the repeat harmless. */
import type { Client, WorkflowStartOptions } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import type { Workflow } from '@temporalio/common';

import type { BatchId, ProjectId, RunId, ScheduleId } from '../wire/ids.ts';
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

async function carry(outbox: Outbox, delivery: Delivery): Promise<DeliverResult> {
  const { client } = outbox;
  const { workflowId, payload } = delivery;
  const described = startOf(outbox, delivery);
  if (described !== undefined) return start(outbox, workflowId, described);
  if (payload.kind === 'schedule') return syncSchedule(outbox, workflowId as ScheduleId);
  if (payload.kind === 'next') return startNext(outbox, payload);
  if (payload.kind === 'upstream') return wakeUpstream(outbox, payload.model);
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

type Start = Omit<WorkflowStartOptions, 'taskQueue' | 'workflowId' | 'args'> & {
  workflow: string;
  args: unknown[];
  attributes: { projectId: ProjectId } & Partial<Record<keyof typeof SEARCH_ATTRIBUTES, string>>;
};
type Started = 'start' | 'ingest' | 'batch' | 'line' | 'webhook';
type Describe<Kind> = (payload: Payload<Kind>, workflowId: string, maxTurns: number) => Start;

const argsOf = <W extends Workflow>(...args: Parameters<W>) => args;

/** The workflow that a delivery starts. */
const STARTS: { [Kind in Started]: Describe<Kind> } = {
  start({ assistantId, threadId, projectId, model, expiresAtMs, batch }, runId, maxTurns) {
    const batched = batch && { batched: true as const };
    const input = { v: 2, runId: runId as RunId, expiresAtMs, maxTurns, ...batched } as const;
    const attributes = { assistantId, threadId, runStatus: 'in_progress', model, projectId };
    return {
      workflow: 'runWorkflow',
      args: argsOf<typeof runWorkflow>(input),
      ...(batch && { priority: { priorityKey: batch.priority, fairnessKey: projectId } }),
      staticSummary: `${assistantId} · ${model}`,
      staticDetails: `Run \`${runId}\` on thread \`${threadId}\`, project \`${projectId}\`.`,
      attributes: { ...attributes, ...(batch && { batchId: batch.id }) },
    };
  },
  ingest: ({ seq, vectorStoreId, fileId, projectId }) => ({
    workflow: 'ingestFileWorkflow',
    args: argsOf<typeof ingestFileWorkflow>({ v: 1, seq }),
    staticSummary: fileId,
    staticDetails: `File \`${fileId}\` into vector store \`${vectorStoreId}\`, project \`${projectId}\`.`,
    attributes: { vectorStoreId, projectId },
  }),
  /** A batch whose workflow was terminated may be started again: its rows say where it stands. */
  batch: ({ projectId, endpoint }, batchId) => ({
    workflow: 'batchWorkflow',
    args: argsOf<typeof batchWorkflow>({ v: 1, batchId: batchId as BatchId }),
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    staticSummary: `batch of ${endpoint}`,
    staticDetails: `Batch \`${batchId}\`, project \`${projectId}\`.`,
    attributes: { batchId, projectId },
  }),
  /** One that was terminated may be started again: its row says whether it is still wanted. */
  line: ({ projectId, batchId, line, url, expiresAtMs, priority }) => ({
    workflow: 'passLineWorkflow',
    args: argsOf<typeof passLineWorkflow>({ v: 1, batchId, line, expiresAtMs }),
    workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
    priority: { priorityKey: priority, fairnessKey: projectId },
    staticSummary: `${url}, line ${line}`,
    staticDetails: `Batch \`${batchId}\`, project \`${projectId}\`.`,
    attributes: { batchId, projectId },
  }),
  webhook: ({ projectId, deliveryId, round }) => ({
    workflow: 'deliverWebhookWorkflow',
    args: argsOf<typeof deliverWebhookWorkflow>({ v: 1, deliveryId, round }),
    staticDetails: `Webhook delivery \`${deliveryId}\`, project \`${projectId}\`.`,
    attributes: { projectId },
  }),
};

function startOf({ maxTurns }: Outbox, { workflowId, payload }: Delivery): Start | undefined {
  const describe = STARTS[payload.kind as Started] as Describe<unknown> | undefined;
  return describe?.(payload as never, workflowId, maxTurns);
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

async function start(
  { client, taskQueue }: Outbox,
  workflowId: string,
  { workflow, attributes, ...asked }: Start,
): Promise<DeliverResult> {
  const typedSearchAttributes = Object.entries(attributes).map(([attribute, value]) => ({
    key: SEARCH_ATTRIBUTES[attribute as keyof typeof SEARCH_ATTRIBUTES],
    value,
  }));
  const options = { ...once(taskQueue, attributes.projectId), ...asked, workflowId };
  try {
    await startOnce(client, workflow, { ...options, typedSearchAttributes });
  } catch (error) {
    if (!/search attribute/i.test(refusalOf(error) ?? '')) throw error;
    // The server does not know these attributes: the work matters more than finding it.
    await startOnce(client, workflow, options);
  }
  return 'accepted';
}

async function startOnce(
  client: Client,
  name: string,
  options: WorkflowStartOptions,
): Promise<void> {
  try {
    await client.workflow.start(name, options);
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
