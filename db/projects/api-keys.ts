/** Projects and their API keys. A key is shown once; only its hash is stored. */
import { createHash, randomBytes } from 'node:crypto';

import type { KeyId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import type { Caller, Scope } from '../../wire/scopes.ts';
import { DEFAULT_SCOPES, SCOPES } from '../../wire/scopes.ts';
import type { Pool, Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';

export type ApiKeyInfo = {
  id: KeyId;
  project: string;
  name: string;
  hint: string;
  scopes: Scope[];
  created_at: number;
  revoked_at: number | null;
};

/** `expiresAt` is in seconds; null: never. */
export type KnownCaller = Caller & { expiresAt: number | null };

/** `sk-` and 256 random bits. */
export function mintApiKey(): string {
  return `sk-${randomBytes(32).toString('base64url')}`;
}

function hash(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** Undefined for an unknown, revoked or expired key. */
export async function callerOfKey(db: Queryable, key: string): Promise<KnownCaller | undefined> {
  const rows = await query<KnownCaller>(
    db,
    'api-keys.caller',
    `select k.project_id as project, k.id as key, k.scopes, k.expires_at as "expiresAt",
       jsonb_build_object('project', p.limits, 'key', k.limits) as limits
     from api_keys k join projects p on p.id = k.project_id
     where k.key_hash = $1 and k.revoked_at is null and (k.expires_at is null or k.expires_at > unix_now())`,
    [hash(key)],
  );
  return rows[0];
}

/** Makes sure that `key` opens the project of that name for everything, creating what is missing. A revoked key stays revoked. */
export async function ensureApiKey(
  pool: Pool,
  options: { projectName: string; key: string },
): Promise<void> {
  await insertKey(pool, { ...options, name: 'default', scopes: SCOPES });
}

/** Creates a key in the project of that name, which is created when it is new. Returns the key: it cannot be read again. */
export async function createApiKey(
  pool: Pool,
  options: { projectName: string; name: string; scopes?: readonly Scope[] },
): Promise<string> {
  const key = mintApiKey();
  await insertKey(pool, { scopes: DEFAULT_SCOPES, ...options, key });
  return key;
}

type NewKey = { projectName: string; name: string; key: string; scopes: readonly Scope[] };

async function insertKey(db: Queryable, { projectName, name, key, scopes }: NewKey): Promise<void> {
  await query(
    db,
    'api-keys.create',
    `with project as (
       insert into projects (id, name, created_at) values ($1, $2, unix_now())
       on conflict (name) do update set name = excluded.name returning id)
     insert into api_keys (id, project_id, name, key_hash, hint, scopes, created_at)
     select $3, project.id, $4, $5, $6, $7, unix_now() from project
     on conflict (key_hash) do update set scopes = excluded.scopes`,
    [
      mintId('project'),
      projectName,
      mintId('api_key'),
      name,
      hash(key),
      `…${key.slice(-4)}`,
      scopes,
    ],
  );
}

export async function listApiKeys(db: Queryable): Promise<ApiKeyInfo[]> {
  return query<ApiKeyInfo>(
    db,
    'api-keys.list',
    `select k.id, p.name as project, k.name, k.hint, k.scopes, k.created_at, k.revoked_at
     from api_keys k join projects p on p.id = k.project_id order by k.created_at, k.id`,
  );
}

/** Returns false when no such key is active. */
export async function revokeApiKey(db: Queryable, id: string): Promise<boolean> {
  const rows = await query<{ id: string }>(
    db,
    'api-keys.revoke',
    'update api_keys set revoked_at = unix_now() where id = $1 and revoked_at is null returning id',
    [id],
  );
  return rows.length > 0;
}
