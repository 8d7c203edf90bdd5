/** The same for files on their way into vector stores, and for documents that lack vectors of the configured model or the present words. */
import type { Client } from '@temporalio/client';

import { countUnembedded, embeddingKey } from '../db/vector-stores/document-vectors.ts';
import { countFormer } from '../db/vector-stores/document-words.ts';
import { endIngest } from '../db/vector-stores/documents.ts';
import type { SuspectIngest } from '../db/maintenance.ts';
import { listSuspectIngests, touchIngest } from '../db/maintenance.ts';
import { withTransaction } from '../db/core/pool.ts';
import type { Pool } from '../db/core/pool.ts';
import { inProject } from '../db/core/row-scope.ts';
import { enqueueIngests } from '../db/vector-stores/vector-store-files.ts';
import type { Logger } from '../config/log.ts';
import type { Embedder } from '../retrieval/index.ts';
import { describeWorkflow } from '../temporal/describe.ts';
import { repaired } from '../telemetry/metrics.ts';
import type { embedWorkflow } from '../workflows/embed-documents.ts';
import type { indexWorkflow } from '../workflows/index-documents.ts';
import { embedWorkflowId, indexWorkflowId } from '../workflows/signals.ts';

export type Reconciler = {
  pool: Pool;
  client: Client;
  taskQueue: string;
  embedder: Embedder | null;
  threadTtlDays: number;
  runTtlDays: number;
  log: Logger;
};

/** An ingest may wait for others, or embed a large file: asking once in two minutes is enough. */
const QUIET_SECONDS = 120;
const BATCH = 200;

export async function reconcileIngests(parts: Reconciler): Promise<void> {
  const { pool, client, embedder, taskQueue } = parts;
  const common = { taskQueue, workflowIdConflictPolicy: 'USE_EXISTING' } as const;
  for (const ingest of await listSuspectIngests(pool, QUIET_SECONDS, BATCH)) {
    await inProject(ingest.project, () => repair(parts, ingest));
  }
  if (embedder !== null && (await countUnembedded(pool, embeddingKey(embedder))) > 0) {
    await client.workflow.start<typeof embedWorkflow>('embedWorkflow', {
      ...common,
      workflowId: embedWorkflowId(taskQueue),
      args: [{ v: 1, after: 0, failed: 0 }],
      staticSummary: 'embed stored documents',
    });
  }
  if ((await countFormer(pool)) > 0) {
    await client.workflow.start<typeof indexWorkflow>('indexWorkflow', {
      ...common,
      workflowId: indexWorkflowId(taskQueue),
      args: [{ v: 1, after: 0 }],
      staticSummary: 'index stored documents by new rules',
    });
  }
}

async function repair(
  { pool, client, log }: Reconciler,
  { seq, ingestId }: SuspectIngest,
): Promise<void> {
  const workflow = await describeWorkflow(client, ingestId);
  if (workflow === 'running') return touchIngest(pool, seq);
  if (workflow === 'missing') {
    await withTransaction(pool, (tx) => enqueueIngests(tx, [seq]));
  } else {
    const message = 'The ingest was terminated by an operator.';
    await endIngest(pool, seq, { status: 'failed', error: { code: 'server_error', message } });
  }
  repaired('ingest', workflow);
  log.warn({ ingest: ingestId, workflow }, 'Repaired an ingest');
}
