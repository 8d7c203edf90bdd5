/**
 * Uploads: a file that comes in parts. A pending upload reserves the bytes that have not arrived. Its end, of any kind,
 * happens under its row's lock; its parts become the file's content without being copied, or are deleted.
 */
import { notFound } from '../../wire/errors/errors.ts';
import {
  partsExceedUpload,
  unknownPart,
  uploadBytesMismatch,
  uploadNotPending,
  fileQuotaExceeded,
} from '../../wire/errors/file-errors.ts';
import type { ProjectId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import type { FileRow, UploadPartRow, UploadRow } from '../../wire/rows.ts';
import type { FilePurpose } from '../../wire/types.ts';
import { assembleBlob, releaseBlobs } from '../blobs/blobs.ts';
import { createFileOfBlob, findFile } from './files.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';

export type NewUpload = {
  filename: string;
  purpose: FilePurpose;
  bytes: number;
  mimeType: string;
  /** Seconds the file lives after the upload is completed; undefined: for ever. */
  fileExpiresAfter: number | undefined;
};

export type StoredUpload = { upload: UploadRow; file: FileRow | null };

const LIFE_SECONDS = 3_600;
const SWEEP_BATCH = 50;

/** An upload past its time counts as expired before the sweep has been there. */
const COLUMNS = `id, project_id, created_at, expires_at,
  case when status = 'pending' and expires_at <= unix_now() then 'expired' else status end as status,
  filename, purpose, bytes, file_expires_after, file_id`;

/** Reserves its bytes. @throws ApiError 400 when the project would store more than `quotaBytes` */
export async function createUpload(
  db: Queryable,
  projectId: ProjectId,
  upload: NewUpload,
  quotaBytes: number | undefined,
): Promise<UploadRow> {
  const rows = await query<UploadRow>(
    db,
    'uploads.create',
    `with project as (
       select id from projects where id = $2 and ($9::bigint is null or blob_bytes + row_bytes + $3::bigint <= $9::bigint)
       for no key update)
     insert into uploads (id, project_id, created_at, expires_at, status, bytes, counted_bytes, filename, purpose, mime_type,
       file_expires_after)
     select $1, id, moment, moment + $8::bigint, 'pending', $3::bigint, $3::bigint, $4, $5, $6, $7::bigint
     from project, unix_now() as moment
     returning ${COLUMNS}`,
    [
      mintId('upload'),
      projectId,
      upload.bytes,
      upload.filename,
      upload.purpose,
      upload.mimeType,
      upload.fileExpiresAfter ?? null,
      LIFE_SECONDS,
      quotaBytes ?? null,
    ],
  );
  if (rows[0] === undefined) throw fileQuotaExceeded(quotaBytes ?? 0);
  return rows[0];
}

/** @throws ApiError 404 */
export async function getUpload(
  db: Queryable,
  projectId: ProjectId,
  id: string,
): Promise<StoredUpload> {
  const rows = await query<UploadRow>(
    db,
    'uploads.get',
    `select ${COLUMNS} from uploads where id = $1 and project_id = $2`,
    [id, projectId],
  );
  return withFile(db, rows[0], id);
}

/** For a part that is about to be sent. @throws ApiError 404; 400 unless the upload is pending */
export async function checkPending(db: Queryable, projectId: ProjectId, id: string): Promise<void> {
  const { upload } = await getUpload(db, projectId, id);
  if (upload.status !== 'pending') throw uploadNotPending('add parts to', upload.status);
}

/**
 * The parts of an upload may have twice its bytes, so that a part whose answer was lost can be sent again.
 * @throws ApiError 404; 400
 */
export async function addPart(
  tx: Tx,
  projectId: ProjectId,
  uploadId: string,
  blob: { id: number; bytes: number },
): Promise<UploadPartRow> {
  const { upload } = await lockUpload(tx, projectId, uploadId);
  if (upload.status !== 'pending') throw uploadNotPending('add parts to', upload.status);
  const rows = await query<UploadPartRow>(
    tx,
    'uploads.add-part',
    `with part as (
       insert into upload_parts (id, upload_id, created_at, bytes, blob_id)
       select $1, $2, unix_now(), $3::bigint, $4
       where (select coalesce(sum(bytes), 0) from upload_parts where upload_id = $2) + $3::bigint <= 2 * $5::bigint
       returning id, upload_id, created_at, bytes, blob_id),
     counted as (update uploads u set counted_bytes = greatest(0, u.counted_bytes - part.bytes) from part where u.id = $2)
     select * from part`,
    [mintId('upload_part'), uploadId, blob.bytes, blob.id, upload.bytes],
  );
  if (rows[0] === undefined) throw partsExceedUpload(uploadId, upload.bytes);
  return rows[0];
}

/**
 * The named parts, in that order.
 * @throws ApiError 400 when one of them is not there
 */
export async function getParts(
  db: Queryable,
  uploadId: string,
  partIds: readonly string[],
): Promise<UploadPartRow[]> {
  const rows = await query<UploadPartRow>(
    db,
    'uploads.parts',
    'select id, upload_id, created_at, bytes, blob_id from upload_parts where upload_id = $1 and id = any($2::text[])',
    [uploadId, partIds],
  );
  const byId = new Map(rows.map((part) => [part.id, part]));
  return partIds.map((id) => {
    const part = byId.get(id);
    if (part === undefined) throw unknownPart(id, uploadId);
    return part;
  });
}

/**
 * Makes a file of the parts, in the order named; parts that are not named are deleted. An upload that is completed
 * already stays as it is.
 * @throws ApiError 404; 400
 */
export async function completeUpload(
  tx: Tx,
  projectId: ProjectId,
  id: string,
  partIds: readonly string[],
): Promise<StoredUpload> {
  const found = await lockUpload(tx, projectId, id);
  const { upload } = found;
  if (upload.status === 'completed') return found;
  if (upload.status !== 'pending') throw uploadNotPending('complete', upload.status);
  const parts = await getParts(tx, id, partIds);
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  if (bytes !== upload.bytes) throw uploadBytesMismatch(upload.bytes, bytes);

  const blobId = await assembleBlob(
    tx,
    projectId,
    parts.map((part) => part.blob_id),
    bytes,
  );
  await endUpload(tx, upload, 'completed', () =>
    createFileOfBlob(tx, projectId, {
      filename: upload.filename,
      purpose: upload.purpose,
      blobId,
      bytes,
      expiresAfter: upload.file_expires_after ?? undefined,
    }),
  );
  return getUpload(tx, projectId, id);
}

/** Deletes the parts. Cancelling again changes nothing. @throws ApiError 404; 400 */
export async function cancelUpload(
  tx: Tx,
  projectId: ProjectId,
  id: string,
): Promise<StoredUpload> {
  const found = await lockUpload(tx, projectId, id);
  const { status } = found.upload;
  if (status === 'cancelled') return found;
  if (status !== 'pending') throw uploadNotPending('cancel', status);
  await endUpload(tx, found.upload, 'cancelled');
  return { ...found, upload: { ...found.upload, status: 'cancelled' } };
}

/** Ends pending uploads whose hour is over. */
export async function expireUploads(pool: Pool): Promise<void> {
  for (let ended = SWEEP_BATCH; ended === SWEEP_BATCH;) {
    ended = await withTransaction(pool, async (tx) => {
      const due = await query<UploadRow>(
        tx,
        'uploads.due',
        `select ${COLUMNS} from uploads where status = 'pending' and expires_at <= unix_now()
         order by expires_at limit $1 for update skip locked`,
        [SWEEP_BATCH],
      );
      for (const upload of due) await endUpload(tx, upload, 'expired');
      return due.length;
    });
  }
}

/** From pending to an end: the reservation and the parts go, and `makeFile` makes what stays. */
async function endUpload(
  tx: Tx,
  upload: UploadRow,
  status: 'completed' | 'cancelled' | 'expired',
  makeFile?: () => Promise<FileRow>,
): Promise<void> {
  const file = await makeFile?.();
  await query(
    tx,
    'uploads.end',
    'update uploads set status = $2, file_id = $3, counted_bytes = 0 where id = $1',
    [upload.id, status, file?.id ?? null],
  );
  const parts = await query<{ blob_id: number }>(
    tx,
    'uploads.delete-parts',
    'delete from upload_parts where upload_id = $1 returning blob_id',
    [upload.id],
  );
  const blobs = parts.map(({ blob_id }) => blob_id);
  await releaseBlobs(tx, blobs);
}

async function lockUpload(tx: Tx, projectId: ProjectId, id: string): Promise<StoredUpload> {
  const rows = await query<UploadRow>(
    tx,
    'uploads.lock',
    `select ${COLUMNS} from uploads where id = $1 and project_id = $2 for update`,
    [id, projectId],
  );
  return withFile(tx, rows[0], id);
}

async function withFile(
  db: Queryable,
  upload: UploadRow | undefined,
  id: string,
): Promise<StoredUpload> {
  if (upload === undefined) throw notFound('upload', id);
  if (upload.file_id === null) return { upload, file: null };
  return { upload, file: (await findFile(db, upload.project_id, upload.file_id)) ?? null };
}
