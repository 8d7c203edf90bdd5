/** The lines of an input file, stored group by group while the file is read. */
import type { AssistantId, BatchId, ProjectId, ThreadId } from '../../wire/ids.ts';
import type { BatchRow } from '../../wire/rows.ts';
import type { BatchError } from '../../wire/types.ts';
import type { BlobPlace } from '../blobs/blob-parts.ts';
import { toJson } from '../core/json.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';

export type NewLine = {
  line: number;
  customId: string;
  url: string;
  place: BlobPlace;
  bytes: number;
  /** That the url names. */
  threadId: ThreadId | null;
  contentHash: Buffer;
};

/** What was read of the file up to a place. */
export type Progress = {
  place: BlobPlace;
  lines: number;
  /** Lines that are not blank. */
  total: number;
  errors: BatchError[];
};

/**
 * Stores lines together with how far the file was read, so that another attempt goes on there. A repeated `custom_id` is
 * added to the errors. False: the batch is not being validated any more, or another attempt has read this part.
 */
export async function storeLines(
  pool: Pool,
  batch: Pick<BatchRow, 'id' | 'project_id'>,
  lines: readonly NewLine[],
  { from, to }: { from: BlobPlace; to: Progress },
): Promise<boolean> {
  return withTransaction(pool, async (tx) => {
    if (!(await takePart(tx, batch.id, from, to))) return false;
    const stored = new Set(await insertLines(tx, batch, lines));
    const repeated = lines.filter(({ line }) => !stored.has(line)).map(repeatedId);
    to.errors.push(...repeated);
    await query(tx, 'batch-lines.errors', 'update batches set errors = $2::jsonb where id = $1', [
      batch.id,
      toJson(to.errors),
    ]);
    return true;
  });
}

const repeatedId = ({ line, customId }: NewLine): BatchError => ({
  code: 'duplicate_custom_id',
  message: `The custom_id '${customId}' is that of an earlier line. Each line needs one of its own.`,
  param: 'custom_id',
  line,
});

async function takePart(tx: Tx, id: BatchId, from: BlobPlace, to: Progress): Promise<boolean> {
  const rows = await query(
    tx,
    'batch-lines.take-part',
    `update batches set checked_chunk = $4, checked_offset = $5, checked_lines = $6, total = $7, updated_at = clock_timestamp()
     where id = $1 and status = 'validating' and checked_chunk = $2 and checked_offset = $3 returning id`,
    [id, from.chunk, from.offset, to.place.chunk, to.place.offset, to.lines, to.total],
  );
  return rows.length > 0;
}

async function insertLines(
  tx: Tx,
  { id, project_id }: Pick<BatchRow, 'id' | 'project_id'>,
  lines: readonly NewLine[],
): Promise<number[]> {
  const rows = await query<{ line: number }>(
    tx,
    'batch-lines.create',
    `insert into batch_lines (batch_id, project_id, line, custom_id, url, chunk, "offset", bytes, thread_id, content_hash)
     select $1, $2, * from unnest($3::integer[], $4::text[], $5::text[], $6::integer[], $7::integer[], $8::integer[], $9::text[], $10::bytea[])
     on conflict do nothing returning line`,
    [
      id,
      project_id,
      lines.map(({ line }) => line),
      lines.map(({ customId }) => customId),
      lines.map(({ url }) => url),
      lines.map(({ place }) => place.chunk),
      lines.map(({ place }) => place.offset),
      lines.map(({ bytes }) => bytes),
      lines.map(({ threadId }) => threadId),
      lines.map(({ contentHash }) => contentHash),
    ],
  );
  return rows.map(({ line }) => line);
}

/** The models of those assistants that are there, and `prompt`, if it is wanted: what they add to each prompt. */
export async function readAssistants(
  db: Queryable,
  projectId: ProjectId,
  ids: readonly AssistantId[],
  isPromptWanted = false,
): Promise<Map<string, { model: string; prompt: string }>> {
  const rows = await query<{ id: string; model: string; prompt: string }>(
    db,
    'batch-lines.assistants',
    `select id, model, case when $3 then concat_ws(E'\\n', instructions, nullif(tools::text, '[]')) end as prompt
     from assistants where project_id = $1 and id = any($2::text[])`,
    [projectId, ids, isPromptWanted],
  );
  return new Map(rows.map(({ id, ...known }) => [id, known]));
}
