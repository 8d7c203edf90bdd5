/** Results of an earlier batch that a new one takes over: lines with the same `custom_id` and content are not run again. */
import { hasEnded } from '../../wire/batches/batch-status.ts';
import { cannotResume } from '../../wire/errors/errors.ts';
import type { BatchId, FileId, ProjectId } from '../../wire/ids.ts';
import type { BatchRow } from '../../wire/rows.ts';
import type { BlobPlace } from '../blobs/blob-parts.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { columnsOf, query } from '../core/pool.ts';
import { found } from '../core/read-by-id.ts';
import { findFile, lockFiles } from '../files/files.ts';

/** The batch whose lines and output file count. `blobId` is null if it has no results. */
export type ResumedBatch = { id: BatchId | null; blobId: number | null };

type EarlierBatch = Pick<BatchRow, 'id' | 'status' | 'resume_from' | 'output_file_id'>;

/**
 * A batch whose file was refused hands on the batch that it resumes from itself.
 * @throws ApiError 404; 400 for a batch that is under way, or whose results were deleted
 */
export async function resumeFrom(
  tx: Tx,
  projectId: ProjectId,
  named: string | null,
): Promise<ResumedBatch> {
  if (named === null) return { id: null, blobId: null };
  const rows = await query<EarlierBatch>(
    tx,
    'batches.resumed',
    'select id, status, resume_from, output_file_id from batches where id = $1 and project_id = $2',
    [named, projectId],
  );
  const {
    id,
    status,
    resume_from: before,
    output_file_id: fileId,
  } = found(rows[0], 'batch', named);
  if (!hasEnded(status)) {
    throw cannotResume(id, `its status is '${status}'. Cancel it, or wait for its end.`);
  }
  if (status === 'failed') return resumeFrom(tx, projectId, before);
  if (fileId === null) return { id, blobId: null };
  const file = await findFile(tx, projectId, fileId as FileId);
  if (file === undefined) throw cannotResume(id, `its output file ${fileId} was deleted.`);
  await lockFiles(tx, projectId, [file.id]);
  return { id, blobId: file.blob_id };
}

export type FoundResult = BlobPlace & { customId: string; bytes: number };

/** Lines that have not started take over those of these results that belong to the same content. */
export async function takeOver(
  db: Queryable,
  { id, resume_from }: Pick<BatchRow, 'id' | 'resume_from'>,
  results: readonly FoundResult[],
): Promise<void> {
  await query(
    db,
    'batch-lines.take-over',
    `update batch_lines l set state = 'completed', resumed = true, chunk = r.chunk, "offset" = r.start, bytes = r.bytes
     from unnest($3::text[], $4::integer[], $5::integer[], $6::integer[]) as r (custom_id, chunk, start, bytes)
       join batch_lines e on e.batch_id = $2 and e.custom_id = r.custom_id
     where l.batch_id = $1 and l.state = 'pending' and l.custom_id = r.custom_id and l.content_hash = e.content_hash`,
    [id, resume_from, ...columnsOf(results, 'customId', 'chunk', 'offset', 'bytes')],
  );
}
