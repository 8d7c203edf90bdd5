/** Holds work up at a known statement: a lock that it must wait for. */
import type { Client } from 'pg';
import { expect } from 'vitest';

import { createClient } from '../../db/core/pool.ts';
import { setScope, WHOLE_DATABASE } from '../../db/core/row-scope.ts';
import type { RunRef } from './durable-run.ts';
import { eventually } from './durable-run.ts';
import type { ProcessEnvironment } from './process-environment.ts';

type Database = Pick<ProcessEnvironment, 'databaseUrl' | 'pool'>;

/** Takes the lock until the client commits or ends. */
export async function lock(
  { databaseUrl }: Database,
  statement: string,
  values: string[] = [],
): Promise<Client> {
  const client = createClient(databaseUrl, 'threadmill-test-lock');
  await client.connect();
  await client.query(`begin; ${setScope(WHOLE_DATABASE)}`);
  await client.query(statement, values);
  return client;
}

/** So many statements of this text wait for a lock. */
export function untilBlocked(
  { pool }: Pick<Database, 'pool'>,
  statement: string,
  count: number,
): Promise<void> {
  return eventually(async () => {
    const { rows } = await pool.query(
      `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
         and position($1 in query) > 0`,
      [statement],
    );
    expect(rows).toHaveLength(count);
  });
}

/** How many tool calls of the run have a result. */
export async function storedResults({ pool }: Database, { runId }: RunRef): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    'select count(*) from tool_calls where run_id = $1 and result is not null',
    [runId],
  );
  return rows[0]!.count;
}
