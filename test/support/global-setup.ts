/**
 * One PostgreSQL and one Temporal server for the whole run, with a migrated template database that each test file
 * clones. TEST_DATABASE_URL and TEST_TEMPORAL_ADDRESS name servers that run already.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { TestProject } from 'vitest/node';

import { createPool } from '../../db/core/pool.ts';
import { migrate } from '../../db/core/migrate.ts';
import { startEmbeddedPostgres } from '../../embedded/postgres/server.ts';
import { startTemporalServer } from '../../embedded/temporal/server.ts';
import { SEARCH_ATTRIBUTE_TYPES } from '../../temporal/search-attributes.ts';
import { workflowBundle } from '../../worker/bundle.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A superuser's URL, for creating and dropping databases. */
    databaseAdminUrl: string;
    /** host:port, namespace `default`, search attributes registered. */
    temporalAddress: string;
    /** The worker's `cacheDir`: holds the workflow bundle already. */
    cacheDir: string;
  }
}

/** A migrated, empty database: `create database x template threadmill_template`. */
export const TEMPLATE_DATABASE = 'threadmill_template';

/** Outlives the run: the bundle's name tells whether it is still good. */
const CACHE_DIR = fileURLToPath(new URL('../../node_modules/.cache/threadmill/', import.meta.url));

/** Nothing here has to survive a power cut, and several test files hold pools at once. */
const DATABASE_SETTINGS = { fsync: 'off', full_page_writes: 'off', max_connections: '300' };

type Running = { stop(): Promise<void> };

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'threadmill-test-'));
  const running: Running[] = [];
  const tearDown = async () => {
    await Promise.all(running.map((server) => server.stop()));
    await rm(dataDir, { recursive: true, force: true });
  };
  const starting = [
    database(dataDir, running),
    temporal(dataDir, running),
    workflowBundle(CACHE_DIR),
  ] as const;
  try {
    const [databaseAdminUrl, temporalAddress] = await Promise.all(starting);
    project.provide('databaseAdminUrl', databaseAdminUrl);
    project.provide('temporalAddress', temporalAddress);
    project.provide('cacheDir', CACHE_DIR);
  } catch (error) {
    // One that is still starting can be stopped only then.
    await Promise.allSettled(starting);
    await tearDown();
    throw error;
  }
  return tearDown;
}

async function database(dataDir: string, running: Running[]): Promise<string> {
  const url = process.env['TEST_DATABASE_URL'] ?? (await startDatabase(dataDir, running));
  await createTemplate(url);
  return url;
}

async function startDatabase(dataDir: string, running: Running[]): Promise<string> {
  const server = await startEmbeddedPostgres({
    dataDir,
    settings: DATABASE_SETTINGS,
    onProgress: say,
  });
  running.push(server);
  return server.url;
}

async function createTemplate(adminUrl: string): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  await admin.query(`drop database if exists ${TEMPLATE_DATABASE} with (force)`);
  await admin.query(`create database ${TEMPLATE_DATABASE}`);
  await admin.end();
  const url = new URL(adminUrl);
  url.pathname = `/${TEMPLATE_DATABASE}`;
  const pool = createPool(url.href, { max: 1, applicationName: 'threadmill-test-setup' });
  await migrate(pool, appUrlOf(url.href));
  await pool.end(); // a template can be cloned only while nobody is connected to it
}

/** The same database as the API and the worker see it: as a role that row-level security holds for. */
export function appUrlOf(adminUrl: string): string {
  return Object.assign(new URL(adminUrl), { username: 'threadmill_app', password: 'app' }).href;
}

async function temporal(dataDir: string, running: Running[]): Promise<string> {
  const given = process.env['TEST_TEMPORAL_ADDRESS'];
  if (given !== undefined) return given;
  const server = await startTemporalServer({
    dataDir,
    inMemory: true,
    searchAttributes: SEARCH_ATTRIBUTE_TYPES,
    onProgress: say,
  });
  running.push(server);
  return server.address;
}

function say(line: string): void {
  console.log(line);
}
