/**
 * Connections, transactions and the one way to run a statement. Every statement is named, so Postgres prepares it once
 * per connection. int8 becomes a number; json (not jsonb) stays text, because it is sent as it was stored.
 *
 * Connections pipeline: statements of one transaction that do not need each other's results are started together with
 * Promise.all and cost one round trip. The server still runs them one after another, in the order of the calls.
 */
import pg from 'pg';

import { observePool } from '../../telemetry/gauges.ts';
import { inStatement } from '../../telemetry/trace.ts';
import { storable } from '../../wire/text.ts';
import { BusyError } from './connection-shares.ts';
import { runAlone } from './lone-statement.ts';
import type { RowScope } from './row-scope.ts';
import { currentScope, queryInScope, setScope } from './row-scope.ts';

/** How long work may take, in ms. What exceeds it fails, and may be tried again. */
export type Bounds = {
  /** Until it gets one lock, or its share of the connections. */
  lockMs: number;
  /** A statement by itself. */
  statementMs: number;
  /** A statement of a transaction: what deletes a large object is long by right. */
  longMs: number;
};

/**
 * Without `bounds` it waits for ever: for migrations and other work that somebody watches. `scope` is that of statements
 * outside any other one.
 */
export type Pool = Pick<pg.Pool, 'connect' | 'query' | 'end'> & Limits;
type Limits = { readonly bounds?: Bounds | undefined; readonly scope?: RowScope | undefined };
export type Tx = pg.PoolClient;
export type Queryable = Pick<pg.Pool, 'query'>;

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

type PoolOptions = { max: number; applicationName: string } & Limits;

export function createPool(url: string, options: PoolOptions): Pool {
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
  const unobserve = observePool(options.applicationName, options.max, pool);
  const end = () => {
    unobserve();
    return pool.end();
  };
  const { bounds, scope } = options;
  return poolOf({ bounds, scope, end }, () => pool.connect());
}

/**
 * A pool of the connections that `connect` brings, told whether they are for one statement `alone`. Such a statement is
 * given up after its time, or when `abandoned` says so. Transactions set their bounds as they begin: settings of a session
 * do not survive a pooler in transaction mode.
 */
export function poolOf(
  { bounds, scope, end }: Limits & { end: () => Promise<void> },
  connect: (alone: boolean) => Promise<Tx>,
  abandoned: () => AbortSignal | undefined = () => undefined,
): Pool {
  const query = async (...statement: [string | pg.QueryConfig, unknown[]?]) =>
    runAlone(
      await connect(true),
      (client) => queryInScope(client, currentScope() ?? scope, statement),
      bounds?.statementMs,
      abandoned(),
    );
  return {
    bounds,
    scope,
    end: end as pg.Pool['end'],
    connect: (() => connect(false)) as pg.Pool['connect'],
    query: query as pg.Pool['query'],
  };
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

/** Runs one prepared statement. `name` is unique across the code base. Null: it is planned for its values each time. */
export function query<Row extends object>(
  db: Queryable,
  name: string | null,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  return inStatement(name, text, async () => {
    try {
      const statement = { ...(name !== null && { name }), text, values: values.map(withoutNul) };
      const result = await db.query<Row>(statement);
      return result.rows;
    } catch (error) {
      throw causeOf(error, db);
    }
  });
}

/** The values of these fields, an array of each: `unnest` makes rows of them again. */
export function columnsOf<Row, Name extends keyof Row>(
  rows: readonly Row[],
  ...names: readonly Name[]
): Row[Name][][] {
  return names.map((name) => rows.map((row) => row[name]));
}

/** What failed a transaction. */
const failures = new WeakMap<Queryable, unknown>();
const IN_FAILED_TRANSACTION = '25P02';

/** The statements behind one that failed fail too. Which of them is heard of first depends on who waits for it. */
function causeOf(error: unknown, db: Queryable): unknown {
  if ((error as { code?: unknown }).code === IN_FAILED_TRANSACTION) {
    return failures.get(db) ?? error;
  }
  failures.set(db, error);
  return error;
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
 * `work` must touch nothing but `tx`. Locks are taken in the order active run, thread, run that
 * waits, messages.
 */
export async function withTransaction<T>(pool: Pool, work: (tx: Tx) => Promise<T>): Promise<T> {
  return transact(pool, begin(pool), work);
}

/**
 * The same without waiting for the disk: a crash of the database server may undo the last moments, in commit order and
 * never a part of a transaction. For what a repeated attempt does again, never for what anybody has seen.
 */
export async function withQuickTransaction<T>(
  pool: Pool,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  return transact(pool, `${begin(pool)}; set local synchronous_commit = off`, work);
}

async function transact<T>(pool: Pool, start: string, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transactOnce(pool, start, work);
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      const repeatable = code === SERIALIZATION_FAILURE || code === DEADLOCK;
      if (!repeatable || attempt === MAX_TRIES) throw error;
    }
  }
}

/** A client that vanished or stands still in the middle of it loses its locks after ten seconds. One round trip. */
function begin({ bounds, scope: own }: Limits): string {
  const scope = currentScope() ?? own;
  const settings = [`begin; set local idle_in_transaction_session_timeout = '10s'`];
  if (bounds !== undefined) {
    settings.push(`set local lock_timeout = ${bounds.lockMs}`);
    settings.push(`set local statement_timeout = ${bounds.longMs}`);
  }
  if (scope !== undefined) settings.push(setScope(scope));
  return settings.join('; ');
}

const afterwards = new WeakMap<Tx, (() => void)[]>();

/** Runs `work` once the transaction is committed: what is counted in it must not count a try that was rolled back. */
export function afterCommit(tx: Tx, work: () => void): void {
  afterwards.get(tx)?.push(work);
}

async function transactOnce<T>(
  pool: Pool,
  start: string,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const tx = await pool.connect();
  const committed: (() => void)[] = [];
  afterwards.set(tx, committed);
  let broken: Error | undefined;
  try {
    // The first statement need not wait for the answer to begin: without a connection both fail.
    const [, result] = await Promise.all([tx.query(start), work(tx)]);
    await tx.query('commit');
    for (const each of committed) each();
    return result;
  } catch (error) {
    await tx.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    afterwards.delete(tx);
    tx.release(broken);
  }
}

/** Whether an error says that the database cannot be reached right now, rather than that a statement was wrong. */
export function isUnavailable(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (
    typeof code === 'string' &&
    /^(08|53|57P0|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)/.test(code)
  ) {
    return true;
  }
  return (
    typeof message === 'string' &&
    /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|Query read timeout|timeout expired/.test(
      message,
    )
  );
}

const LOCK_NOT_AVAILABLE = '55P03';
const QUERY_CANCELED = '57014';

/** Whether an error says that the database answers, but that this work did not get what it needs in its time. */
export function isBusy(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return error instanceof BusyError || code === LOCK_NOT_AVAILABLE || code === QUERY_CANCELED;
}
