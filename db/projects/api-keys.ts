/** API keys. A key is shown once; only its hash is stored. */
import { createHash, randomBytes } from 'node:crypto';

import type { ProjectKey } from '../../wire/admin/answers.ts';
import type { KeyId, ProjectId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import type { Caller, Scope } from '../../wire/admin/scopes.ts';
import { DEFAULT_SCOPES, SCOPES } from '../../wire/admin/scopes.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';
import { cliActor, recordAudit } from './audit.ts';
import { ensureProject } from './projects.ts';

/** A row as the list of all keys shows it; `project` is the name. */
export type ApiKeyInfo = Omit<ProjectKey, 'object' | 'project_id'> & { project: string };

export type KeyRow = Omit<ProjectKey, 'object'>;

export const KEY_COLUMNS =
  'id, project_id, name, hint as redacted_value, scopes, created_at, last_used_at, expires_at, revoked_at, limits';

/** SQL: the key opens its project now. */
export const IS_ACTIVE = 'revoked_at is null and (expires_at is null or expires_at > unix_now())';

/** `sk-` and 256 random bits. */
export function mintApiKey(): string {
  return `sk-${randomBytes(32).toString('base64url')}`;
}

export function hash(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/**
 * Makes sure that `key` opens the project of that name for everything, creating what is missing. A key that was revoked
 * stays revoked.
 */
export async function ensureApiKey(
  pool: Pool,
  options: { projectName: string; key: string },
): Promise<void> {
  await createNamed(pool, { ...options, name: 'default', scopes: SCOPES });
}

/** Creates a key in the project of that name, which is created when it is new. Returns the key: it cannot be read again. */
export async function createApiKey(
  pool: Pool,
  options: { projectName: string; name: string } & Partial<Grant>,
): Promise<string> {
  const key = mintApiKey();
  await createNamed(pool, { ...options, key });
  return key;
}

export type Grant = { scopes: readonly Scope[]; expiresInSeconds: number | null };
type NewKey = { name: string; key: string } & Partial<Grant>;

/** For commands of this computer. */
async function createNamed(pool: Pool, options: NewKey & { projectName: string }): Promise<void> {
  const actor = cliActor();
  await withTransaction(pool, async (tx) => {
    const { id: project, created } = await ensureProject(tx, options.projectName);
    const event = { actor, project };
    if (created) await recordAudit(tx, { ...event, type: 'project.created', resource: project });
    const key = await insertKey(tx, project, options);
    if (key === undefined) return;
    await recordAudit(tx, { ...event, type: 'api_key.created', resource: key.id });
  });
}

/** Undefined when the key exists; its scopes are set all the same. */
export async function insertKey(
  tx: Tx,
  project: ProjectId,
  { name, key, scopes = DEFAULT_SCOPES, expiresInSeconds = null }: NewKey,
): Promise<KeyRow | undefined> {
  const rows = await query<KeyRow & { is_new: boolean }>(
    tx,
    'api-keys.create',
    `insert into api_keys (id, project_id, name, key_hash, hint, scopes, created_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, unix_now(), unix_now() + $7::bigint)
     on conflict (key_hash) do update set scopes = excluded.scopes returning ${KEY_COLUMNS}, xmax = 0 as is_new`,
    [mintId('api_key'), project, name, hash(key), hintOf(key), scopes, expiresInSeconds],
  );
  const { is_new: isNew, ...row } = rows[0]!;
  return isNew ? row : undefined;
}

export function hintOf(key: string): string {
  return `…${key.slice(-4)}`;
}

export async function listApiKeys(db: Queryable): Promise<ApiKeyInfo[]> {
  return query<ApiKeyInfo>(
    db,
    'api-keys.list-all',
    `select k.id, p.name as project, k.name, k.hint as redacted_value, k.scopes, k.created_at, k.last_used_at,
       k.expires_at, k.revoked_at
     from api_keys k join projects p on p.id = k.project_id order by k.created_at, k.id`,
  );
}

/** Times are in seconds; `expiresAt` null: never. `isStale`: the last use is not written down since a minute. */
export type KnownCaller = Caller & { expiresAt: number | null; isStale: boolean };

/** Undefined for an unknown, revoked or expired key. */
export async function callerOfKey(db: Queryable, key: string): Promise<KnownCaller | undefined> {
  const rows = await query<KnownCaller>(
    db,
    'api-keys.caller',
    `select k.project_id as project, k.id as key, k.scopes, k.expires_at as "expiresAt",
       coalesce(k.last_used_at, 0) <= unix_now() - 60 as "isStale",
       jsonb_build_object('project', p.limits, 'key', k.limits) as limits,
       p.blob_bytes + p.row_bytes as "storedBytes"
     from api_keys k join projects p on p.id = k.project_id where k.key_hash = $1 and ${IS_ACTIVE}`,
    [hash(key)],
  );
  return rows[0];
}

/** Writes at most once a minute, whichever process is first. */
export async function markKeyUsed(db: Queryable, key: KeyId): Promise<void> {
  await query(
    db,
    'api-keys.used',
    `update api_keys set last_used_at = unix_now()
     where id = $1 and coalesce(last_used_at, 0) <= unix_now() - 60`,
    [key],
  );
}

/** Those of the keys that open their projects still. */
export async function activeKeys(db: Queryable, keys: readonly KeyId[]): Promise<Set<KeyId>> {
  const rows = await query<{ id: KeyId }>(
    db,
    'api-keys.active',
    `select id from api_keys where id = any($1::text[]) and ${IS_ACTIVE}`,
    [keys],
  );
  return new Set(rows.map(({ id }) => id));
}
