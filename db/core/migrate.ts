/** Applies migrations/NNNNNN.sql in order: forward-only, one transaction each, refused when an applied file changed. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';

import { grantAppRole, loginOf } from './app-role.ts';
import type { Pool, Tx } from './pool.ts';
import { withTransaction } from './pool.ts';

const FOLDER = new URL('../../migrations/', import.meta.url);
/** Any fixed number: it only keeps two migrating processes apart. */
const ADVISORY_LOCK = 7_264_915_003;

export class MigrationError extends Error {
  override name = 'MigrationError';
}

/**
 * Brings the database up to this version of the code, as its owner. The role of `appUrl` gets its rights on what there is now.
 * Safe to run from several processes at once.
 */
export async function migrate(pool: Pool, appUrl?: string): Promise<{ applied: string[] }> {
  const files = (await readdir(FOLDER)).filter((name) => /^\d{6}\.sql$/.test(name)).toSorted();
  return withTransaction(pool, async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [ADVISORY_LOCK]);
    await requireServer(tx);
    await tx.query(
      'create table if not exists migrations (name text primary key, checksum text not null, applied_at timestamptz not null default now())',
    );
    const { rows } = await tx.query<{ name: string; checksum: string }>(
      'select name, checksum from migrations',
    );
    const known = new Map(rows.map((row) => [row.name, row.checksum]));
    const applied: string[] = [];
    for (const name of files) {
      if (await applyOne(tx, name, known.get(name))) applied.push(name);
    }
    if (appUrl !== undefined) await grantAppRole(tx, loginOf(appUrl));
    return { applied };
  });
}

async function requireServer(tx: Tx): Promise<void> {
  const { rows } = await tx.query<{ server_version_num: string }>('show server_version_num');
  const version = Number(rows[0]?.server_version_num);
  if (version < 140_000) {
    throw new MigrationError(
      `PostgreSQL 14 or newer is needed, but the server is ${Math.floor(version / 10_000)}.`,
    );
  }
}

async function applyOne(tx: Tx, name: string, knownChecksum: string | undefined): Promise<boolean> {
  const text = await readFile(new URL(name, FOLDER), 'utf8');
  const checksum = createHash('sha256').update(text).digest('hex');
  if (knownChecksum === checksum) return false;
  if (knownChecksum !== undefined) {
    throw new MigrationError(
      `Migration ${name} was changed after it was applied. Restore the released file.`,
    );
  }
  await tx.query(text);
  await tx.query('insert into migrations (name, checksum) values ($1, $2)', [name, checksum]);
  return true;
}
