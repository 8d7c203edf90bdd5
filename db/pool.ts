/**
 * Connections, transactions and the one way to run a statement. Every statement is named, so Postgres prepares it once
 * per connection. int8 becomes a number; json (not jsonb) stays text, because it is sent as it was stored.
 *
 * Connections pipeline: statements of one transaction that do not need each other's results are started together with
 * Promise.all and cost one round trip. The server still runs them one after another, in the order of the calls.
 */
import pg from 'pg';

import { storable } from '../wire/text.ts';

export type Pool = pg.Pool;
export type Tx = pg.PoolClient;
export type Queryable = pg.Pool | pg.ClientBase;

const INT8 = 20;
const JSON_TEXT = 114;
const DATE = 1082;

const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => {
    if (oid === INT8) return Number;
    if (oid === JSON_TEXT || oid === DATE) return (text: string) => text;
    return pg.types.getTypeParser(oid, format) as (text: string) => unknown;
  },
};

export function createPool(url: string, options: { max: number; applicationName: string }): Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max,
    application_name: options.applicationName,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    pipeline: true,
    types,
  } satisfies pg.PoolConfig);
  // A connection that breaks is replaced on next use, and a statement under way is rejected. Without listeners, on the
  // pool for idle connections and on each for busy ones, the event would end the process.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/** A connection outside the pool: for LISTEN, or for settings that must not leak into pooled sessions. */
/** `answerMs`: longest wait for the answer to a statement. */
export function createClient(url: string, applicationName: string, answerMs?: number): pg.Client {
  return new pg.Client({
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: 10_000,
    ...(answerMs === undefined ? {} : { query_timeout: answerMs }),
    keepAlive: true,
    types,
  });
}

/** Runs one prepared statement. `name` is unique across the code base. */
export async function query<Row extends object>(
  db: Queryable,
  name: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const result = await db.query<Row>({ name, text, values: values.map(withoutNul) });
  return result.rows;
}

/** No text of Postgres holds NUL: one that a client or a model sent must not fail the statement. JSON has `toJson`. */
function withoutNul(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('\u0000') ? storable(value) : value;
  return Array.isArray(value) ? value.map(withoutNul) : value;
}

const SERIALIZATION_FAILURE = '40001';
const DEADLOCK = '40P01';
const MAX_TRIES = 4;

/**
 * Runs `work` in one transaction and commits it. Serialization failures and deadlocks roll back and run it again, so
 * `work` must touch nothing but `tx`. Locks are taken in the order thread, run, messages.
 */
export async function withTransaction<T>(pool: Pool, work: (tx: Tx) => Promise<T>): Promise<T> {
  return transact(pool, BEGIN, work);
}

/**
 * The same without waiting for the disk: a crash of the database server may undo the last moments, in commit order and
 * never a part of a transaction. For what a repeated attempt does again, never for what anybody has seen.
 */
export async function withQuickTransaction<T>(
  pool: Pool,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  return transact(pool, `${BEGIN}; set local synchronous_commit = off`, work);
}

async function transact<T>(pool: Pool, begin: string, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transactOnce(pool, begin, work);
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      const repeatable = code === SERIALIZATION_FAILURE || code === DEADLOCK;
      if (!repeatable || attempt === MAX_TRIES) throw error;
    }
  }
}

/** A client that vanished or stands still in the middle of it loses its locks after ten seconds. One round trip. */
const BEGIN = `begin; set local idle_in_transaction_session_timeout = '10s'`;

async function transactOnce<T>(
  pool: Pool,
  begin: string,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const tx = await pool.connect();
  let broken: Error | undefined;
  try {
    // The first statement need not wait for the answer to begin: without a connection both fail.
    const [, result] = await Promise.all([tx.query(begin), work(tx)]);
    await tx.query('commit');
    return result;
  } catch (error) {
    await tx.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    tx.release(broken);
  }
}

/** Whether an error says that the database cannot be reached right now, rather than that a statement was wrong. */
export function isUnavailable(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (
    typeof code === 'string' &&
    /^(08|53|57P0|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)/.test(code)
  )
    return true;
  return (
    typeof message === 'string' &&
    /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|Query read timeout|timeout expired/.test(
      message,
    )
  );
}
