/** Applies migrations/NNNNNN.sql in order: forward-only, all in one transaction, refused when an applied file changed. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { grantAppRole, loginOf } from './app-role.ts';
import type { Pool, Queryable, Tx } from './pool.ts';
import { withTransaction } from './pool.ts';

const FOLDER = new URL('../../migrations/', import.meta.url);
/** Any fixed number: it only keeps two migrating processes apart. */
const ADVISORY_LOCK = 7_264_915_003;

/**
 * The first line of a file whose statements run one by one after all others, so that writers do not wait for indexes. They may
 * have been begun before. No other file needs what they make.
 */
const OUTSIDE = '-- outside a transaction\n';
const ASK_MS = 200;

type Migration = { name: string; text: string; checksum: string };

export class MigrationError extends Error {
  override name = 'MigrationError';
}

/**
 * Brings the database up to this version of the code, as its owner. The role of `appUrl` gets its rights on what there is now.
 * Safe to run from several processes at once.
 */
export async function migrate(pool: Pool, appUrl?: string): Promise<{ applied: string[] }> {
  const all = await readMigrations();
  const applied = await withTransaction(pool, async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [ADVISORY_LOCK]);
    await requireServer(tx);
    await tx.query(
      'create table if not exists migrations (name text primary key, checksum text not null, applied_at timestamptz not null default now())',
    );
    const due = await unapplied(tx, all);
    const inside = due.filter(({ text }) => !text.startsWith(OUTSIDE));
    for (const migration of inside) {
      await tx.query(migration.text);
      await record(tx, migration);
    }
    if (appUrl !== undefined) await grantAppRole(tx, loginOf(appUrl));
    return inside;
  });
  applied.push(...(await migrateOutside(pool, all)));
  return { applied: applied.map(({ name }) => name).toSorted() };
}

async function readMigrations(): Promise<Migration[]> {
  const files = (await readdir(FOLDER)).filter((name) => /^\d{6}\.sql$/.test(name)).toSorted();
  return Promise.all(
    files.map(async (name) => {
      const text = await readFile(new URL(name, FOLDER), 'utf8');
      return { name, text, checksum: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

/** One process at a time. It asks for the lock: a statement that waits for one is a transaction that the indexes wait for. */
async function migrateOutside(pool: Pool, all: Migration[]): Promise<Migration[]> {
  if ((await unapplied(pool, all)).length === 0) return [];
  const session = await pool.connect();
  try {
    while (!(await tryLock(session))) await sleep(ASK_MS);
    await session.query(`set threadmill.scope = '*'`);
    const due = await unapplied(session, all);
    for (const migration of due) {
      for (const statement of migration.text.split(/;\n/)) await session.query(statement);
      await record(session, migration);
    }
    return due;
  } finally {
    // Ends the session, and with it the lock.
    session.release(true);
  }
}

async function tryLock(session: Tx): Promise<boolean> {
  const text = 'select pg_try_advisory_lock($1) as locked';
  const { rows } = await session.query<{ locked: boolean }>(text, [ADVISORY_LOCK]);
  return rows[0]!.locked;
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

/** @throws MigrationError for a file that changed after it was applied */
async function unapplied(db: Queryable, all: Migration[]): Promise<Migration[]> {
  const { rows } = await db.query<{ name: string; checksum: string }>(
    'select name, checksum from migrations',
  );
  const known = new Map(rows.map((row) => [row.name, row.checksum]));
  const changed = all.find(({ name, checksum }) => (known.get(name) ?? checksum) !== checksum);
  if (changed !== undefined) {
    throw new MigrationError(
      `Migration ${changed.name} was changed after it was applied. Restore the released file.`,
    );
  }
  return all.filter(({ name }) => !known.has(name));
}

async function record(db: Queryable, { name, checksum }: Migration): Promise<void> {
  await db.query('insert into migrations (name, checksum) values ($1, $2)', [name, checksum]);
}
