/** A line becomes a thread and a run, in one transaction with its claim: a line that was claimed has its run. */
import type { z } from 'zod';

import { ApiError } from '../../wire/errors/errors.ts';
import type { BatchId, KeyId, RunId, ThreadId } from '../../wire/ids.ts';
import type { BatchRow } from '../../wire/rows.ts';
import type { BlobPlace } from '../blobs/blob-parts.ts';
import type { Delivery } from '../core/deliveries.ts';
import { enqueueDelivery } from '../core/deliveries.ts';
import { toJson } from '../core/json.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';
import type { AcceptedRun } from '../runs/create-run.ts';
import { hasRoomForLine } from '../runs/admit-run.ts';
import type { runBody, threadAndRunBody } from '../runs/new-run.ts';
import { requestRun, requestThreadAndRun } from '../runs/new-run.ts';
import { lockThread } from '../threads/lock-thread.ts';
import { IS_SPENT } from './spend.ts';
import { lineWorkflowId } from './passed-lines.ts';

/** Seconds until a line whose thread is busy is looked at again. */
const BUSY_SECONDS = 2;

export type ReadyLine = BlobPlace & {
  line: number;
  url: string;
  bytes: number;
  /** That the url names. */
  thread_id: ThreadId | null;
};

/** What a line asks for, read and counted. */
export type LineRequest =
  | { threadId: null; body: z.output<typeof threadAndRunBody> }
  | { threadId: ThreadId; body: z.output<typeof runBody> }
  /** The body passes to a model server when its turn comes. */
  | { passed: true };

/** Seconds that a run may live, and the runs at once of a project without a limit of its own (0: none). */
export type RunLimits = { longestRunSeconds: number; runsAtOnce: number };

/** The first lines that can start. Those on one thread start in their order, each after the end of the one before. */
export async function listReadyLines(
  db: Queryable,
  batchId: BatchId,
  limit: number,
): Promise<ReadyLine[]> {
  return query<ReadyLine>(
    db,
    'batch-lines.ready',
    `select line, url, chunk, "offset", bytes, thread_id from batch_lines l
     where batch_id = $1 and state = 'pending' and (retry_at is null or retry_at <= clock_timestamp())
       and (thread_id is null or not exists (select from batch_lines e where e.batch_id = $1
         and e.thread_id = l.thread_id and e.line < l.line and e.state in ('pending', 'running', 'waiting')))
     order by line limit $2`,
    [batchId, limit],
  );
}

/**
 * Starts a line unless another attempt has.
 * @returns what Temporal is to be told, or 'full' when the project has no room for another run
 */
export async function startLine(
  pool: Pool,
  [batchId, { line, url }]: [BatchId, Pick<ReadyLine, 'line' | 'url'>],
  request: LineRequest | ApiError,
  { longestRunSeconds: longestLife, runsAtOnce }: RunLimits,
): Promise<Delivery[] | 'full'> {
  return withTransaction(pool, async (tx) => {
    const batch = await holdBatch(tx, batchId, runsAtOnce);
    if (batch === undefined || !(await claimLine(tx, batchId, line))) return [];
    if ('passed' in request) return [await passLater(tx, batch, line, url)];
    const { project_id: project, runs_at_once: limit } = batch;
    if (limit !== null && !(await hasRoomForLine(tx, project, limit))) return 'full';
    await tx.query('savepoint line');
    try {
      const accepted = await makeRun(tx, batch, request, longestLife);
      if (accepted === undefined) {
        await putOff(tx, batchId, line);
        return [];
      }
      const { run, deliveries } = accepted;
      await bindRun(tx, [batchId, line], { runId: run.id, threadId: run.thread_id });
      return deliveries;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      await tx.query('rollback to savepoint line');
      await refuse(tx, batchId, line, error);
      return [];
    }
  });
}

type Batch = Pick<BatchRow, 'id' | 'project_id' | 'priority' | 'expires_at' | 'seconds_left'> & {
  key_id: KeyId;
  /** Of its project. */
  runs_at_once: number | null;
};

/** The batch starts no line any more once a pause or cancel has committed. */
async function holdBatch(tx: Tx, id: BatchId, runsAtOnce: number): Promise<Batch | undefined> {
  const rows = await query<Batch>(
    tx,
    'batches.hold',
    `select id, project_id, key_id, priority, expires_at, expires_at - unix_now() as seconds_left, (
       select nullif(coalesce((limits->>'runs_at_once')::integer, $2), 0) from projects p where p.id = project_id) as runs_at_once
     from batches where id = $1 and status = 'in_progress' and not paused and expires_at > unix_now()
       and not ${IS_SPENT} for share`,
    [id, runsAtOnce],
  );
  return rows[0];
}

async function claimLine(tx: Tx, batchId: BatchId, line: number): Promise<boolean> {
  const rows = await query(
    tx,
    'batch-lines.claim',
    `select from batch_lines where batch_id = $1 and line = $2 and state = 'pending' for update skip locked`,
    [batchId, line],
  );
  return rows.length > 0;
}

/** Undefined: the thread has an active run. @throws ApiError */
async function makeRun(
  tx: Tx,
  { id, project_id: projectId, key_id: keyId, priority, seconds_left }: Batch,
  request: Exclude<LineRequest, { passed: true }> | ApiError,
  longest: number,
): Promise<AcceptedRun | undefined> {
  if (request instanceof ApiError) throw request;
  const { threadId, body } = request;
  const life = { standard: Math.min(longest, seconds_left), longest };
  const source = { projectId, keyId, life, batch: { id, priority } };
  if (threadId === null) return requestThreadAndRun(tx, source, body);
  const { active_run_id: active } = await lockThread(tx, projectId, threadId);
  return active === null ? requestRun(tx, source, threadId, body) : undefined;
}

/** A line without a run has a workflow of its own, which asks the model server. */
async function passLater(tx: Tx, batch: Batch, line: number, url: string): Promise<Delivery> {
  await query(
    tx,
    'batch-lines.start-passed',
    `update batch_lines set state = 'running' where batch_id = $1 and line = $2`,
    [batch.id, line],
  );
  return enqueueDelivery(tx, lineWorkflowId(batch.id, line), {
    kind: 'line',
    projectId: batch.project_id,
    batchId: batch.id,
    line,
    url,
    expiresAtMs: batch.expires_at * 1_000,
    priority: batch.priority,
  });
}

async function putOff(tx: Tx, batchId: BatchId, line: number): Promise<void> {
  await query(
    tx,
    'batch-lines.put-off',
    `update batch_lines set retry_at = clock_timestamp() + ${BUSY_SECONDS} * interval '1 second'
     where batch_id = $1 and line = $2`,
    [batchId, line],
  );
}

async function bindRun(
  tx: Tx,
  [batchId, line]: [BatchId, number],
  { runId, threadId }: { runId: RunId; threadId: ThreadId },
): Promise<void> {
  await query(
    tx,
    'batch-lines.start',
    `update batch_lines set state = 'running', run_id = $3, thread_id = $4 where batch_id = $1 and line = $2`,
    [batchId, line, runId, threadId],
  );
}

/** The line has the answer that its request would have had. */
async function refuse(tx: Tx, batchId: BatchId, line: number, error: ApiError): Promise<void> {
  await query(
    tx,
    'batch-lines.refuse',
    `update batch_lines set state = 'failed', response = $3::json where batch_id = $1 and line = $2`,
    [batchId, line, toJson({ status_code: error.status, body: error })],
  );
}
