/** Projects and their API keys. A key is shown once; only its hash is stored. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';

import type { ProjectId } from '../../wire/ids.ts';
import type { Pool, Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';

export type ApiKeyInfo = {
  id: string;
  project: string;
  name: string;
  hint: string;
  created_at: number;
  revoked_at: number | null;
};

/** `sk-` and 256 random bits. */
export function mintApiKey(): string {
  return `sk-${randomBytes(32).toString('base64url')}`;
}

function hash(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** The project a key opens, or undefined for an unknown or revoked key. */
export async function projectOfKey(db: Queryable, key: string): Promise<ProjectId | undefined> {
  const rows = await query<{ project_id: ProjectId }>(
    db,
    'api-keys.project',
    'select project_id from api_keys where key_hash = $1 and revoked_at is null',
    [hash(key)],
  );
  return rows[0]?.project_id;
}

/** Makes sure that `key` opens the project of that name, creating what is missing. A key revoked before stays revoked. */
export async function ensureApiKey(
  pool: Pool,
  options: { projectName: string; key: string },
): Promise<void> {
  await insertKey(pool, options.projectName, 'default', options.key);
}

/** Creates a key in the project of that name, which is created when it is new. Returns the key: it cannot be read again. */
export async function createApiKey(
  pool: Pool,
  options: { projectName: string; name: string },
): Promise<string> {
  const key = mintApiKey();
  await insertKey(pool, options.projectName, options.name, key);
  return key;
}

async function insertKey(
  db: Queryable,
  projectName: string,
  name: string,
  key: string,
): Promise<void> {
  await query(
    db,
    'api-keys.create',
    `with project as (
       insert into projects (id, name, created_at) values ($1, $2, unix_now())
       on conflict (name) do update set name = excluded.name returning id)
     insert into api_keys (id, project_id, name, key_hash, hint, created_at)
     select $3, project.id, $4, $5, $6, unix_now() from project on conflict (key_hash) do nothing`,
    [
      `proj_${randomUUID()}`,
      projectName,
      `key_${randomUUID()}`,
      name,
      hash(key),
      `…${key.slice(-4)}`,
    ],
  );
}

export async function listApiKeys(db: Queryable): Promise<ApiKeyInfo[]> {
  return query<ApiKeyInfo>(
    db,
    'api-keys.list',
    `select k.id, p.name as project, k.name, k.hint, k.created_at, k.revoked_at
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
