/**
 * The rows that statements may see: those of one project, or the whole database. Policies of the tables hold it
 * (docs/decisions/row-level-security.md). A statement outside any scope sees and writes no row of any project.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

import type { Pool, PoolClient, QueryConfig, QueryResult } from 'pg';
import pg from 'pg';

import type { ProjectId } from '../../wire/ids.ts';

/** For work that belongs to no project: keys, the reconciler, deliveries, migrations. */
export const WHOLE_DATABASE = '*';
export type RowScope = ProjectId | typeof WHOLE_DATABASE;

const scopes = new AsyncLocalStorage<RowScope | undefined>();

/** Statements in `work` see this project. Undefined: they see nothing. */
export function inProject<T>(project: ProjectId | undefined, work: () => T): T {
  return scopes.run(project, work);
}

/** Statements in `work` see every project. Keep `work` small: nothing but its own conditions keeps projects apart. */
export function inWholeDatabase<T>(work: () => T): T {
  return scopes.run(WHOLE_DATABASE, work);
}

export function currentScope(): RowScope | undefined {
  return scopes.getStore();
}

/** The rest of a transaction on the whole database sees this project only. */
export async function narrowTo(tx: PoolClient, project: ProjectId): Promise<void> {
  await tx.query(setScope(project));
}

/** SQL for the transaction that it stands in: poolers keep no settings of a session. */
export function setScope(scope: RowScope): string {
  return `set local threadmill.scope = '${scope.replaceAll("'", "''")}'`;
}

/** What `pg` has of a connection and a query but does not declare. pg-cursor uses the same. */
type Connection = {
  parsedStatements: Record<string, string>;
  submittedNamedStatements: Record<string, string>;
  bind(portal: {
    statement: string;
    values: string[];
    valueMapper: (value: string) => string;
  }): void;
  execute(portal: { portal: string }): void;
};
type Session = { connection: Connection };
type SentQuery = {
  prepare(connection: Connection): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: Connection): void;
};
type Callback = (error: Error | null, result: QueryResult) => void;

const Query = pg.Query as unknown as new (
  config: QueryConfig & { queryMode: 'extended' },
  values: unknown[] | undefined,
  callback: Callback,
) => SentQuery;

const NAME = 'scope.set';
const TEXT = `select set_config('threadmill.scope', $1, true)`;

/**
 * A statement outside a transaction that sets its scope before it runs. Both are sent ahead of one Sync, which makes them one
 * transaction and one round trip: `begin`, `set local` and `commit` around the statement would double its cost.
 */
class ScopedQuery extends Query {
  readonly #scope: RowScope;
  #isScopeSet = false;

  constructor(scope: RowScope, config: QueryConfig, callback: Callback) {
    super({ ...config, queryMode: 'extended' }, undefined, callback);
    this.#scope = scope;
  }

  override prepare(connection: Connection): void {
    connection.bind({ statement: NAME, values: [this.#scope], valueMapper: (value) => value });
    connection.execute({ portal: '' });
    super.prepare(connection);
  }

  override handleDataRow(message: unknown): void {
    if (this.#isScopeSet) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: Connection): void {
    if (this.#isScopeSet) super.handleCommandComplete(message, connection);
    this.#isScopeSet = true;
  }
}

/** A connection outside the pool, all of whose statements have this scope. */
export function withScope(client: Pick<PoolClient, 'query'>, scope: RowScope): Pick<Pool, 'query'> {
  const query = (...statement: [string | QueryConfig, unknown[]?]) =>
    queryInScope(client, scope, statement);
  return { query: query as Pool['query'] };
}

/** Runs one statement in the scope. The connection must not be in a transaction. */
export async function queryInScope(
  client: Pick<PoolClient, 'query'>,
  scope: RowScope | undefined,
  [statement, values]: [statement: string | QueryConfig, values?: unknown[]],
): Promise<QueryResult> {
  if (scope === undefined) return client.query(statement, values);
  const { parsedStatements, submittedNamedStatements } = (client as unknown as Session).connection;
  if (parsedStatements[NAME] === undefined && submittedNamedStatements[NAME] === undefined) {
    // Once a connection. It fails only with the connection, and so does the statement behind it.
    client.query({ name: NAME, text: TEXT, values: [''] }).catch(() => {});
  }
  const config =
    typeof statement === 'string' ? { text: statement, values: values ?? [] } : statement;
  const { promise, resolve, reject } = Promise.withResolvers<QueryResult>();
  const query = new ScopedQuery(scope, config, (error, result) =>
    error === null ? resolve(result) : reject(error),
  );
  client.query(query as unknown as pg.Submittable);
  return promise;
}
