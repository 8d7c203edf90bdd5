/** Vector stores. Status, counts and usage are computed from their files, so they cannot disagree with them. */
import { notFound, vectorStoreExpired } from '../../wire/errors/errors.ts';
import type { ProjectId, VectorStoreId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import type {
  CreateVectorStoreParams,
  ModifyVectorStoreParams,
} from '../../wire/requests/vector-stores.ts';
import type { VectorStoreRow } from '../../wire/rows.ts';
import { toVectorStore } from '../../wire/objects.ts';
import { found } from '../core/read-by-id.ts';
import { toJson } from '../core/json.ts';
import { detachFiles, seqsOfStore } from '../files/detach-files.ts';
import { forgetAnswers } from '../core/idempotency.ts';
import { BY_PLACE } from '../core/list-page.ts';
import { keepPlaces } from '../core/list-places.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { readers } from '../core/project-list.ts';

/** A search or a run moves `last_active_at` on when it is this old, in seconds: most of them write nothing. */
const ACTIVITY_SECONDS = 60;

const EXPIRES_AT = 's.last_active_at + s.expires_after_days * 86400';

/** An expired store stays expired: nothing moves `last_active_at` any more. */
const ALIVE = `(s.expires_after_days is null or ${EXPIRES_AT} > unix_now())`;

const COLUMNS = `id, created_at, name, description, metadata, expires_after_days, ${EXPIRES_AT} as expires_at,
  last_active_at, not ${ALIVE} as expired, in_progress, completed, failed, cancelled, total, usage_bytes`;

/** How many files meet `condition` on `f`, by status, as columns. */
export const countFiles = (condition: string): string => `lateral (
  select count(*) filter (where f.status = 'in_progress') as in_progress,
    count(*) filter (where f.status = 'completed') as completed,
    count(*) filter (where f.status = 'failed') as failed,
    count(*) filter (where f.status = 'cancelled') as cancelled,
    count(*) as total, coalesce(sum(f.usage_bytes), 0)::bigint as usage_bytes
  from vector_store_files f where ${condition}) counts`;

const COUNTED = `vector_stores s cross join ${countFiles('f.vector_store_id = s.id')}`;

export type NewVectorStore = Omit<CreateVectorStoreParams, 'files'>;

/** An empty store. Its files are added by `addFiles`, in the same transaction. */
export async function createVectorStore(
  tx: Queryable,
  projectId: ProjectId,
  store: NewVectorStore,
): Promise<VectorStoreId> {
  const id = mintId('vector_store');
  await query(
    tx,
    'vector-stores.create',
    `insert into vector_stores (id, project_id, created_at, name, description, metadata, expires_after_days, last_active_at)
     select $1, $2, moment, $3, $4, $5::jsonb, $6, moment from unix_now() as moment`,
    [
      id,
      projectId,
      store.name,
      store.description,
      toJson(store.metadata),
      store.expires_after_days,
    ],
  );
  return id;
}

export const { get: getVectorStoreRow, list: listVectorStores } = readers(
  'vector store',
  {
    columns: COLUMNS,
    table: COUNTED,
    orderBy: BY_PLACE,
    places: { list: 'vector_stores', owner: '$1' },
  },
  toVectorStore,
);

/** Counts as a use. @throws ApiError 404, 400 for an expired store */
export async function modifyVectorStore(
  tx: Queryable,
  projectId: ProjectId,
  id: VectorStoreId,
  change: ModifyVectorStoreParams,
): Promise<VectorStoreRow> {
  await lockVectorStore(tx, projectId, id);
  await query(
    tx,
    'vector-stores.modify',
    `update vector_stores set name = case when $2 then $3 else name end,
       metadata = case when $4 then $5::jsonb else metadata end,
       expires_after_days = case when $6 then $7 else expires_after_days end
     where id = $1`,
    [
      id,
      'name' in change,
      change.name ?? null,
      'metadata' in change,
      toJson(change.metadata ?? {}),
      'expires_after_days' in change,
      change.expires_after_days ?? null,
    ],
  );
  return getVectorStoreRow(tx, projectId, id);
}

/** Its files survive, as do chunks that other stores share. @throws ApiError 404 */
export async function deleteVectorStore(
  tx: Tx,
  projectId: ProjectId,
  id: VectorStoreId,
): Promise<void> {
  // From here on no file can join: that would need a lock on the same row.
  const rows = await query<{ id: string }>(
    tx,
    'vector-stores.lock-to-delete',
    'select id from vector_stores where id = $1 and project_id = $2 for update',
    [id, projectId],
  );
  found(rows[0], 'vector store', id);
  await detachFiles(tx, await seqsOfStore(tx, id));
  // Its own list has gone with it.
  await query(
    tx,
    'vector-stores.delete',
    `with gone as (delete from vector_stores where id = $1 returning id, project_id, list_place),
       forgotten as (delete from list_places where list = 'vector_store_files' and owner = $1)
     ${keepPlaces('vector_stores', 'project_id', 'list_place')}`,
    [id],
  );
  await forgetAnswers(tx, id);
}

/**
 * Marks a store as used now and keeps its row to the end of the transaction: whoever adds files counts them alone.
 * @throws ApiError 404, 400 for an expired store
 */
export async function lockVectorStore(
  tx: Queryable,
  projectId: ProjectId,
  id: VectorStoreId,
): Promise<void> {
  const rows = await query<{ id: string }>(
    tx,
    'vector-stores.lock',
    `update vector_stores s set last_active_at = unix_now() where id = $1 and project_id = $2 and ${ALIVE} returning id`,
    [id, projectId],
  );
  if (rows[0] !== undefined) return;
  await getVectorStoreRow(tx, projectId, id);
  throw vectorStoreExpired(id);
}

/**
 * For a search: checks that every store is there and alive, and moves its last activity on, to the minute.
 * @throws ApiError 404, 400 for an expired store
 */
export async function useVectorStores(
  db: Queryable,
  projectId: ProjectId,
  ids: readonly string[],
): Promise<void> {
  const found = new Set<string>(await useExistingStores(db, projectId, ids));
  for (const id of ids) if (!found.has(id)) throw notFound('vector store', id);
}

/**
 * For a run: the same, but stores that have been deleted are left out. Returns those that are there.
 * @throws ApiError 400 for an expired store
 */
export async function useExistingStores(
  db: Queryable,
  projectId: ProjectId,
  ids: readonly string[],
): Promise<VectorStoreId[]> {
  if (ids.length === 0) return [];
  // Whoever holds a store's row is using it now: there is nothing to wait for.
  const rows = await query<{ id: VectorStoreId; alive: boolean }>(
    db,
    'vector-stores.use',
    `with used as (update vector_stores set last_active_at = unix_now() where id in (
         select s.id from vector_stores s where s.id = any($1::text[]) and s.project_id = $2 and ${ALIVE}
           and s.last_active_at <= unix_now() - ${ACTIVITY_SECONDS} for no key update skip locked))
     select s.id, ${ALIVE} as alive from vector_stores s where s.id = any($1::text[]) and s.project_id = $2`,
    [ids, projectId],
  );
  const alive = new Map<string, boolean>(rows.map((row) => [row.id, row.alive]));
  for (const id of ids) if (alive.get(id) === false) throw vectorStoreExpired(id);
  return ids.filter((id): id is VectorStoreId => alive.has(id));
}

/** Those of the stores that have not been deleted, in order. */
export async function existingStores(
  db: Queryable,
  projectId: ProjectId,
  ids: readonly string[],
): Promise<VectorStoreId[]> {
  const rows = await query<{ id: VectorStoreId }>(
    db,
    'vector-stores.existing',
    'select id from vector_stores where id = any($1::text[]) and project_id = $2',
    [ids, projectId],
  );
  const found = new Set<string>(rows.map(({ id }) => id));
  return ids.filter((id): id is VectorStoreId => found.has(id));
}
