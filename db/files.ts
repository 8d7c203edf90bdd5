/** Files. Content is a blob; `projects.file_bytes` counts what a project's files and pending uploads take. */
import { fileQuotaExceeded } from '../wire/errors.ts';
import { mintId } from '../wire/ids.ts';
import type { FileRow } from '../wire/rows.ts';
import type { FilePurpose } from '../wire/types.ts';
import type { Tx } from './pool.ts';
import { query } from './pool.ts';

export type NewFile = {
  filename: string;
  purpose: FilePurpose;
  blobId: number;
  bytes: number;
  /** Seconds after its creation; absent: never. */
  expiresAfter?: number | undefined;
};

const COLUMNS = 'id, created_at, purpose, filename, bytes, expires_at, blob_id';

/**
 * Makes a file of a stored blob, which several files may share. With `quotaBytes` it is refused when the project's files
 * would then take more.
 * @throws ApiError 400
 */
export async function createFileOfBlob(
  tx: Tx,
  projectId: string,
  file: NewFile,
  quotaBytes?: number,
): Promise<FileRow> {
  // One statement counts and compares under the project's row lock, so concurrent uploads cannot pass together.
  const rows = await query<FileRow>(
    tx,
    'files.create',
    `with project as (
       update projects set file_bytes = file_bytes + $5::bigint
       where id = $2 and ($8::bigint is null or file_bytes + $5::bigint <= $8::bigint) returning id)
     insert into files (id, project_id, created_at, purpose, filename, bytes, expires_at, blob_id)
     select $1, id, unix_now(), $3, $4, $5::bigint, unix_now() + $6::bigint, $7 from project returning ${COLUMNS}`,
    [
      mintId('file'),
      projectId,
      file.purpose,
      file.filename,
      file.bytes,
      file.expiresAfter ?? null,
      file.blobId,
      quotaBytes ?? null,
    ],
  );
  if (rows[0] === undefined) throw fileQuotaExceeded(quotaBytes ?? 0);
  return rows[0];
}
