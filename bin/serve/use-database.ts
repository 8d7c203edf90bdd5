/** Shared by the commands: command line, database, and reports of failures. */
import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';
import { loadConfig } from '../../config/config.ts';
import type { Config } from '../../config/config.ts';
import { createPool } from '../../db/core/pool.ts';
import type { Pool } from '../../db/core/pool.ts';
import { WHOLE_DATABASE } from '../../db/core/row-scope.ts';
import { runningPostgresUrl } from '../../embedded/running-url.ts';
import { StartError, describe, reasonOf, understood } from './start-error.ts';

const UNDEFINED_TABLE = '42P01';
const UNDEFINED_COLUMN = '42703';

const text = { type: 'string' } as const;
const OPTIONS = {
  project: text,
  name: text,
  scopes: text,
  expires: text,
  overlap: text,
  days: text,
  'data-dir': text,
  help: { type: 'boolean' },
} as const;

const parse = () => parseArgs({ options: OPTIONS, allowPositionals: true });

export type Arguments = { words: string[]; flags: ReturnType<typeof parse>['values'] };

/** @throws StartError for an unknown option */
export function readArguments(program: string): Arguments {
  return parseArguments(program, OPTIONS);
}

/** @throws StartError for an unknown option */
export function parseArguments<const T extends NonNullable<ParseArgsConfig['options']>>(
  program: string,
  options: T,
) {
  const { values, positionals } = understood(
    () => parseArgs({ options, allowPositionals: true }),
    `npm run ${program} -- --help shows the usage.`,
  );
  return { words: positionals, flags: values };
}

/** Calls `work` with a pool of the owner: DATABASE_OWNER_URL, else DATABASE_URL, else the database of the running npm start. */
export async function useDatabase(
  flags: Arguments['flags'],
  work: (pool: Pool, config: Config) => Promise<void>,
): Promise<void> {
  const config = loadConfig(process.env, { 'data-dir': flags['data-dir'] });
  const url = config.databaseOwnerUrl ?? (await findDatabase(config));
  const pool = createPool(url, {
    max: 1,
    applicationName: 'threadmill-admin',
    scope: WHOLE_DATABASE,
  });
  try {
    await checkConnection(pool, config);
    await work(pool, config);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code !== UNDEFINED_TABLE && code !== UNDEFINED_COLUMN) throw error;
    throw new StartError(
      'The database lacks tables of this version of Threadmill: run npm run migrate first.',
    );
  } finally {
    await pool.end();
  }
}

async function findDatabase({ databaseUrl, dataDir }: Config): Promise<string> {
  const url = databaseUrl ?? (await runningPostgresUrl(dataDir));
  if (url !== undefined) return url;
  throw new StartError(
    `No database runs on ${dataDir}: start one with npm start, name another with --data-dir, or set DATABASE_URL.`,
  );
}

async function checkConnection(pool: Pool, { databaseUrl, dataDir }: Config): Promise<void> {
  try {
    const client = await pool.connect();
    client.release();
  } catch (error) {
    const name = databaseUrl === undefined ? `The database on ${dataDir}` : 'DATABASE_URL';
    const remedy =
      databaseUrl === undefined
        ? 'restart npm start'
        : 'correct its host, port, user, password or database';
    throw new StartError(`${name} cannot be used (${reasonOf(error)}): ${remedy}.`);
  }
}

/** Runs a program. An expected failure prints one sentence and exits with code 1. */
export async function runProgram(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    console.error(describe(error));
    process.exitCode = 1;
  }
}
