/** Files. Content is a blob, which counts for the project's quota as long as something refers to it. */
import { noSuchFile } from '../../wire/errors/file-errors.ts';
import type { FileId, ProjectId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import { toFile } from '../../wire/objects.ts';
import type { FileRow } from '../../wire/rows.ts';
import type { File, FilePurpose, ListEnvelope } from '../../wire/types.ts';
import { releaseBlobs } from '../blobs/blobs.ts';
import { detachFiles, seqsOfFiles } from './detach-files.ts';
import { forgetAnswers } from '../core/idempotency.ts';
import type { ListQuery } from '../core/list-page.ts';
import { BY_PLACE, listPage } from '../core/list-page.ts';
import { keepPlaces } from '../core/list-places.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';
import { narrowTo } from '../core/row-scope.ts';

export type NewFile = {
  filename: string;
  purpose: FilePurpose;
  blobId: number;
  bytes: number;
  /** Seconds after its creation; absent: never. */
  expiresAfter?: number | undefined;
};

const COLUMNS = 'id, created_at, purpose, filename, bytes, expires_at, blob_id';

/** An expired file is gone for everybody at once, and deleted a little later. */
const ALIVE = '(expires_at is null or expires_at > unix_now())';

/** Expired files deleted at once. */
const SWEEP_BATCH = 100;

/** Makes a file of a stored blob, which several files may share. */
export async function createFileOfBlob(
  tx: Tx,
  projectId: ProjectId,
  file: NewFile,
): Promise<FileRow> {
  const rows = await query<FileRow>(
    tx,
    'files.create',
    `insert into files (id, project_id, created_at, purpose, filename, bytes, expires_at, blob_id)
     select $1, $2, moment, $3, $4, $5::bigint, moment + $6::bigint, $7 from unix_now() as moment
     returning ${COLUMNS}`,
    [
      mintId('file'),
      projectId,
      file.purpose,
      file.filename,
      file.bytes,
      file.expiresAfter ?? null,
      file.blobId,
    ],
  );
  return rows[0]!;
}

/** @throws ApiError 404 */
export async function getFileRow(
  db: Queryable,
  projectId: ProjectId,
  id: FileId,
): Promise<FileRow> {
  const row = await findFile(db, projectId, id);
  if (row === undefined) throw noSuchFile(id);
  return row;
}

export async function findFile(
  db: Queryable,
  projectId: ProjectId,
  id: FileId,
): Promise<FileRow | undefined> {
  const rows = await query<FileRow>(
    db,
    'files.get',
    `select ${COLUMNS} from files where id = $1 and project_id = $2 and ${ALIVE}`,
    [id, projectId],
  );
  return rows[0];
}

/** `purpose` undefined: any. */
export async function listFiles(
  db: Queryable,
  projectId: ProjectId,
  page: ListQuery & { purpose: string | undefined },
): Promise<ListEnvelope<File>> {
  const source = {
    name: 'files.list',
    columns: COLUMNS,
    table: 'files',
    scope: { project_id: projectId },
    filter: {
      where: `($2::text is null or purpose = $2::text) and ${ALIVE}`,
      values: [page.purpose ?? null],
    },
    orderBy: BY_PLACE,
    rowBytes: 'octet_length(filename) + 250',
    places: { list: 'files', owner: '$1' },
  } as const;
  return listPage(db, source, page, toFile);
}

/**
 * One statement for all the files that a request names, and none when it names none.
 * @throws ApiError 404 for the first that is not there
 */
export async function checkFiles(
  db: Queryable,
  projectId: ProjectId,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  const rows = await query<{ id: string }>(
    db,
    'files.check',
    `select id from files where id = any($1::text[]) and project_id = $2 and ${ALIVE}`,
    [[...new Set(ids)], projectId],
  );
  requireAll(ids, rows);
}

/** As `checkFiles`; the files stay to the end of the transaction. @throws ApiError 404 for the first that is not there */
export async function lockFiles(
  tx: Tx,
  projectId: ProjectId,
  ids: readonly string[],
): Promise<void> {
  const rows = await query<{ id: string }>(
    tx,
    'files.lock',
    `select id from files where id = any($1::text[]) and project_id = $2 and ${ALIVE} order by id for key share`,
    [[...new Set(ids)], projectId],
  );
  requireAll(ids, rows);
}

function requireAll(ids: readonly string[], rows: readonly { id: string }[]): void {
  const found = new Set(rows.map(({ id }) => id));
  const missing = ids.find((id) => !found.has(id));
  if (missing !== undefined) throw noSuchFile(missing);
}

/**
 * Deletes the file, and its content unless something else refers to it. It leaves its vector stores; whatever else names
 * its id keeps doing so.
 * @throws ApiError 404
 */
export async function deleteFile(tx: Tx, projectId: ProjectId, id: FileId): Promise<void> {
  const locked = await query<{ id: string }>(
    tx,
    'files.lock-to-delete',
    `select id from files where id = $1 and project_id = $2 and ${ALIVE} for update`,
    [id, projectId],
  );
  if (locked[0] === undefined) throw noSuchFile(id);
  await detachFiles(tx, await seqsOfFiles(tx, [id]));
  await forgetFiles(tx, [id]);
  const rows = await query<{ blob_id: number }>(
    tx,
    'files.delete',
    `with gone as (delete from files where id = $1 and project_id = $2 and ${ALIVE} returning id, project_id, list_place, bytes, blob_id),
       places as (${keepPlaces('files', 'project_id', 'list_place')})
     select blob_id from gone`,
    [id, projectId],
  );
  if (rows[0] === undefined) throw noSuchFile(id);
  await releaseBlobs(tx, [rows[0].blob_id]);
}

/** What else tells of them: the uploads that they came from, and stored answers. */
async function forgetFiles(tx: Tx, ids: readonly string[]): Promise<void> {
  const uploads = await query<{ id: string }>(
    tx,
    'files.erase-uploads',
    `update uploads set filename = '' where file_id = any($1::text[]) returning id`,
    [ids],
  );
  for (const id of [...ids, ...uploads.map((upload) => upload.id)]) await forgetAnswers(tx, id);
}

/** Deletes files whose time is over, those of one project at a time. */
export async function deleteExpiredFiles(pool: Pool): Promise<void> {
  while (await withTransaction(pool, deleteSomeExpired));
}

async function deleteSomeExpired(tx: Tx): Promise<boolean> {
  const due = await query<{ id: FileId; project_id: ProjectId }>(
    tx,
    'files.due',
    `with first as (select project_id from files where expires_at <= unix_now() order by expires_at limit 1)
     select f.id, f.project_id from files f join first using (project_id) where f.expires_at <= unix_now()
     order by f.expires_at limit $1 for update of f skip locked`,
    [SWEEP_BATCH],
  );
  if (due[0] === undefined) return false;
  await narrowTo(tx, due[0].project_id);
  const ids = due.map(({ id }) => id);
  await detachFiles(tx, await seqsOfFiles(tx, ids));
  await forgetFiles(tx, ids);
  const rows = await query<{ blob_id: number }>(
    tx,
    'files.sweep',
    `with gone as (delete from files f where f.id = any($1::text[]) returning f.id, f.project_id, f.list_place, f.bytes, f.blob_id),
       places as (${keepPlaces('files', 'project_id', 'list_place')})
     select blob_id from gone`,
    [ids],
  );
  const blobs = rows.map(({ blob_id }) => blob_id);
  await releaseBlobs(tx, blobs);
  return true;
}
