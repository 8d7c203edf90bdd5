/** The same for files on their way into vector stores, and for documents that lack vectors of the configured model. */
import { log } from '@temporalio/activity';

import { countUnembedded, embeddingKey } from '../db/document-vectors.ts';
import { settleFile } from '../db/documents.ts';
import type { SuspectIngest } from '../db/maintenance.ts';
import { listSuspectIngests, touchIngest } from '../db/maintenance.ts';
import { withTransaction } from '../db/pool.ts';
import { enqueueIngests } from '../db/vector-store-files.ts';
import type { ActivityDependencies } from './dependencies.ts';

/** An ingest may wait for others, or embed a large file: asking once in two minutes is enough. */
const QUIET_SECONDS = 120;
const BATCH = 200;

export async function reconcileIngests(deps: ActivityDependencies): Promise<number> {
  const { pool, embedder } = deps;
  let repaired = 0;
  for (const ingest of await listSuspectIngests(pool, QUIET_SECONDS, BATCH)) {
    if (await repair(deps, ingest)) repaired += 1;
  }
  if (embedder !== null && (await countUnembedded(pool, embeddingKey(embedder))) > 0)
    await deps.startEmbedding();
  return repaired;
}

async function repair(
  deps: ActivityDependencies,
  { seq, ingestId }: SuspectIngest,
): Promise<boolean> {
  const { pool } = deps;
  const workflow = await deps.describeWorkflow(ingestId);
  if (workflow === 'running') {
    await touchIngest(pool, seq);
    return false;
  }
  if (workflow === 'missing') {
    await withTransaction(pool, (tx) => enqueueIngests(tx, [seq]));
  } else {
    const message = 'The ingest was terminated by an operator.';
    await settleFile(pool, seq, { status: 'failed', error: { code: 'server_error', message } });
  }
  log.warn('Repaired an ingest', { ingest: ingestId, workflow });
  return true;
}
