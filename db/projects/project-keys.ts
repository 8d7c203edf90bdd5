/** The keys of one project, as an administrator manages them. */
import type { CreatedKey, ProjectKey } from '../../wire/admin/answers.ts';
import { projectKey } from '../../wire/admin/answers.ts';
import type { KeyId, ProjectId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import { fieldsOf } from '../../wire/objects.ts';
import type { ListEnvelope } from '../../wire/types.ts';
import type { ListQuery } from '../core/list-page.ts';
import { BY_AGE, listPage } from '../core/list-page.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { found } from '../core/read-by-id.ts';
import type { Grant, KeyRow } from './api-keys.ts';
import { IS_ACTIVE, KEY_COLUMNS, hash, hintOf, insertKey, mintApiKey } from './api-keys.ts';
import { getProject } from './projects.ts';

/** A new key of an existing project. @throws ApiError 404 */
export async function createProjectKey(
  tx: Tx,
  project: ProjectId,
  options: { name: string } & Grant,
): Promise<CreatedKey> {
  await getProject(tx, project);
  const value = mintApiKey();
  const row = await insertKey(tx, project, { ...options, key: value });
  return { ...toKey(row!), value };
}

/** Also those that were revoked. @throws ApiError 404 for an unknown project */
export async function listProjectKeys(
  db: Queryable,
  project: ProjectId,
  page: ListQuery,
): Promise<ListEnvelope<ProjectKey>> {
  await getProject(db, project);
  const source = {
    name: 'api-keys',
    columns: KEY_COLUMNS,
    table: 'api_keys',
    scope: { project_id: project },
    orderBy: BY_AGE,
  } as const;
  return listPage<KeyRow, ProjectKey>(db, source, page, toKey);
}

/** @throws ApiError 404 */
export async function getKey(db: Queryable, id: KeyId): Promise<ProjectKey> {
  const rows = await query<KeyRow>(
    db,
    'api-keys.get',
    `select ${KEY_COLUMNS} from api_keys where id = $1`,
    [id],
  );
  return toKey(found(rows[0], 'API key', id));
}

/** Returns the key's project. @throws ApiError 404 when no such key is active */
export async function revokeKey(db: Queryable, id: KeyId): Promise<ProjectId> {
  const rows = await query<{ project_id: ProjectId }>(
    db,
    'api-keys.revoke',
    `update api_keys set revoked_at = unix_now() where id = $1 and ${IS_ACTIVE} returning project_id`,
    [id],
  );
  return found(rows[0], 'API key', id).project_id;
}

/**
 * Makes a key with the same name, scopes, limits and lifetime; the former one ends after `overlapSeconds`, or sooner if it expires
 * sooner. @throws ApiError 404 when no such key is active, or it was rotated before
 */
export async function rotateKey(tx: Tx, id: KeyId, overlapSeconds: number): Promise<CreatedKey> {
  const value = mintApiKey();
  const rows = await query<KeyRow>(
    tx,
    'api-keys.rotate',
    `with former as (
       select * from api_keys where id = $1 and rotated_at is null and ${IS_ACTIVE} for update),
     ended as (
       update api_keys k set rotated_at = unix_now(), expires_at = least(k.expires_at, unix_now() + $2::bigint)
       from former where k.id = former.id)
     insert into api_keys (id, project_id, name, key_hash, hint, scopes, limits, created_at, expires_at)
     select $3, project_id, name, $4, $5, scopes, limits, unix_now(), unix_now() + (expires_at - created_at) from former
     returning ${KEY_COLUMNS}`,
    [id, overlapSeconds, mintId('api_key'), hash(value), hintOf(value)],
  );
  return { ...toKey(found(rows[0], 'API key', id)), value };
}

const toKey = (row: KeyRow): ProjectKey =>
  fieldsOf(projectKey, { ...row, object: 'organization.project.api_key' });
