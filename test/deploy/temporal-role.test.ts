/** What `temporal-role` of docker-compose.yml does, on databases that a superuser made as 0.1.0 did. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import pg from 'pg';
import { expect, inject, onTestFinished, test } from 'vitest';

import { adminUrlOf, cloneDatabase, dropDatabase } from '../support/environment.ts';
import { readCompose, ROOT, SECRETS } from './compose-file.ts';

const run = promisify(execFile);
const password = SECRETS.temporal_database_password;

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

test("Temporal's databases become its role's, which cannot connect to Threadmill's", async () => {
  const ownerUrl = adminUrlOf(await cloneDatabase());
  const adminUrl = inject('databaseAdminUrl');
  const { href } = Object.assign(new URL(adminUrl), { pathname: '/temporal' });
  await query(adminUrl, 'create database temporal');
  onTestFinished(async () => {
    await dropDatabase(href);
    await dropDatabase(ownerUrl);
    await query(adminUrl, 'drop role temporal');
  });
  await query(
    href,
    `create table executions (id serial primary key, at timestamp); create view recent as select at from executions;
     create function convert_ts(s text) returns timestamp language sql as 'select s::timestamp'`,
  );
  const [program, ...args] = readCompose()['temporal-role']!.command ?? [];
  expect(program).toBe('node');
  const env = { DATABASE_OWNER_URL: ownerUrl, TEMPORAL_DATABASE_PASSWORD: password };
  for (let times = 0; times < 2; times++) {
    await run(process.execPath, args, { cwd: ROOT, env });
  }
  const as = (url: string) => Object.assign(new URL(url), { username: 'temporal', password }).href;
  await query(
    as(href),
    `alter table executions add column name text; drop view recent; drop function convert_ts; create table t ()`,
  );
  await expect(query(as(ownerUrl), 'select 1')).rejects.toThrow('permission denied for database');
});
