/** Lines that have no run: their requests pass to model servers, and their answers are stored with them. */
import type { BatchId, KeyId, ProjectId } from '../../wire/ids.ts';
import type { BlobPlace } from '../blobs/blob-parts.ts';
import { toJson } from '../core/json.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import type { Spent } from './spend.ts';
import { ADD_SPEND, countsOf } from './spend.ts';
import { WAKES } from './line-states.ts';
import type { LineResponse } from './results.ts';

const NO_COUNTS: null[] = Array.from({ length: 5 }, () => null);

export const lineWorkflowId = (batchId: BatchId, line: number): string => `${batchId}:${line}`;

export type PassedLine = BlobPlace & {
  url: string;
  bytes: number;
  project_id: ProjectId;
  key_id: KeyId;
  input_blob_id: number;
};

/** Undefined: the line has ended. */
export async function readPassedLine(
  db: Queryable,
  batchId: BatchId,
  line: number,
): Promise<PassedLine | undefined> {
  const rows = await query<PassedLine>(
    db,
    'passed-lines.get',
    `select l.url, l.chunk, l."offset", l.bytes, b.project_id, b.key_id, b.input_blob_id
     from batch_lines l join batches b on b.id = l.batch_id
     where l.batch_id = $1 and l.line = $2 and l.state = 'running' and b.input_blob_id is not null`,
    [batchId, line],
  );
  return rows[0];
}

/**
 * Stores the answer of a line that still runs with what it cost, and wakes its batch as the end of a run does.
 * @returns whether it still ran
 */
export async function endPassedLine(
  db: Queryable,
  [batchId, line]: [BatchId, number],
  response: LineResponse,
  spent: Spent | undefined,
): Promise<boolean> {
  const state = response.status_code! < 300 ? 'completed' : 'failed';
  const rows = await query(
    db,
    'passed-lines.end',
    `with moved as (
       update batch_lines set state = $3, response = $4::json where batch_id = $1 and line = $2 and state = 'running'
       returning batch_id),
     owners as (select batch_id from moved where $5::bigint is not null), spent as (${ADD_SPEND('$5', '$6', '$7', '$8', '$9')}),
     woken as (${WAKES})
     select from moved`,
    [batchId, line, state, toJson(response), ...(spent ? countsOf(spent) : NO_COUNTS)],
  );
  return rows.length > 0;
}

/** Those of the workflows whose lines still run. */
export async function listPassing(
  db: Queryable,
  workflowIds: readonly string[],
): Promise<{ batchId: BatchId; line: number; project: ProjectId }[]> {
  const lines = workflowIds.map((id) => id.split(':')).filter(({ length }) => length === 2);
  if (lines.length === 0) return [];
  return query(
    db,
    'passed-lines.list',
    `select l.batch_id as "batchId", l.line, l.project_id as project
     from unnest($1::text[], $2::integer[]) as cut (batch_id, line) join batch_lines l using (batch_id, line)
     where l.state = 'running' and l.thread_id is null
       and not exists (select from deliveries d where d.run_id = l.batch_id || ':' || l.line)`,
    [lines.map(([batchId]) => batchId), lines.map(([, line]) => Number(line))],
  );
}

/** Gives lines under way, or one of them, a new start: those whose workflows go on do not notice. */
export async function restartPassing(
  db: Queryable,
  batchId: BatchId,
  line: number | null = null,
): Promise<void> {
  await query(
    db,
    'passed-lines.restart',
    `insert into deliveries (run_id, kind, payload, next_attempt_at)
     select b.id || ':' || l.line, 'line', jsonb_build_object('kind', 'line', 'projectId', b.project_id, 'batchId', b.id,
       'line', l.line, 'url', l.url, 'expiresAtMs', b.expires_at * 1000, 'priority', b.priority), clock_timestamp()
     from batches b join batch_lines l on l.batch_id = b.id
     where b.id = $1 and l.state = 'running' and l.thread_id is null and ($2::integer is null or l.line = $2)`,
    [batchId, line],
  );
}
