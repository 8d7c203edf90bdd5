/** The whole system under test, in a directory of its own: seven processes, the model in this one, and the ways between them. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Client, Connection } from '@temporalio/client';

import { createApiKey } from '../../../db/projects/api-keys.ts';
import { migrate } from '../../../db/core/migrate.ts';
import type { Pool } from '../../../db/core/pool.ts';
import { createPool } from '../../../db/core/pool.ts';
import type { ModelServer } from '../model/server.ts';
import { startModel } from '../model/server.ts';
import type { FakeClock } from './clock.ts';
import { createClocks } from './clock.ts';
import type { SmallDisk } from './disk.ts';
import type { Links, Ports } from './links.ts';
import { healLink, startLinks } from './links.ts';
import type { Part } from './part.ts';
import { choosePorts } from './ports.ts';
import { startPostgres } from './postgres.ts';
import { startApi, startSandboxd, startWorker } from './services.ts';
import { startTemporal } from './temporal.ts';

const execute = promisify(execFile);

export type PartName =
  'postgres' | 'temporal' | 'api0' | 'api1' | 'worker0' | 'worker1' | 'sandboxd';

export type ChaosSystem = {
  parts: ReadonlyMap<PartName, Part>;
  links: Links;
  clocks: ReadonlyMap<string, FakeClock>;
  /** Undefined where none can be mounted. */
  disk: SmallDisk | undefined;
  /** Parts that run the code of another checkout when they are started next. */
  former: Map<PartName, string>;
  model: ModelServer;
  /** Past the proxies, as the next one. */
  pool: Pool;
  temporal: Client;
  apiKey: string;
  /** Of the APIs, as their clients reach them. */
  urls: string[];
};

export type SystemOptions = {
  directory: string;
  /** For the database; undefined: in the directory. */
  disk: SmallDisk | undefined;
  runExpirySeconds: number;
  /** Run code, in sandboxd. */
  code: boolean;
  /** A checkout whose code everything begins with; undefined: this one's. */
  from: string | undefined;
};

const SERVICES = ['api0', 'api1', 'worker0', 'worker1', 'sandboxd'] as const;

/** Whose clocks can be moved. The others run without that library. */
const MOVABLE = ['api1', 'worker1'];

/** Resolves when every part serves. @throws when one does not, with nothing left running */
export async function startSystem(options: SystemOptions): Promise<ChaosSystem> {
  const parts = new Map<PartName, Part>();
  try {
    return await startParts(options, parts);
  } catch (error) {
    await closeParts(parts);
    throw error;
  }
}

async function startParts(
  options: SystemOptions,
  parts: Map<PartName, Part>,
): Promise<ChaosSystem> {
  const { directory, disk, from } = options;
  const model = await startModel();
  const ports: Ports = { ...(await choosePorts()), model: model.port };
  const log = (name: string) => join(directory, `${name}.log`);
  const postgres = await startPostgres(disk?.path ?? directory, log('postgres'), ports.postgres);
  parts.set('postgres', postgres.part);
  const temporal = await startTemporal(directory, log('temporal'), ports.temporal);
  parts.set('temporal', temporal.part);
  const [clocks, links] = await Promise.all([
    createClocks(directory, MOVABLE),
    startLinks(ports),
    untilReady({ parts }),
  ]);
  const pool = createPool(postgres.url, { max: 3, applicationName: 'chaos' });
  if (from === undefined) await migrate(pool);
  else await migrateFrom(from, postgres.url);
  const apiKey = await createApiKey(pool, { projectName: 'chaos', name: 'chaos' });
  const former = new Map(from === undefined ? [] : SERVICES.map((name) => [name, from]));
  const service = { ...options, ports, links, clocks, databaseUrl: postgres.url, former };
  for (const name of ['api0', 'api1'] as const) parts.set(name, startApi(service, name));
  for (const name of ['worker0', 'worker1'] as const) parts.set(name, startWorker(service, name));
  if (options.code) parts.set('sandboxd', startSandboxd(service));
  await untilReady({ parts });
  const connection = Connection.lazy({ address: temporal.address });
  const client = new Client({ connection });
  const urls = ['api0', 'api1'].map((name) => urlOf(links, name));
  return { parts, links, clocks, disk, former, model, pool, temporal: client, apiKey, urls };
}

async function migrateFrom(checkout: string, databaseUrl: string): Promise<void> {
  const env = { ...process.env, DATABASE_URL: databaseUrl };
  await execute(process.execPath, ['bin/migrate.ts'], { cwd: checkout, env });
}

function urlOf(links: Links, api: string): string {
  return `http://127.0.0.1:${links.get(`client-${api}`)!.port}/v1`;
}

async function untilReady({ parts }: Pick<ChaosSystem, 'parts'>): Promise<void> {
  await Promise.all([...parts.values()].map((part) => part.ready()));
}

/** Nothing disturbs the system any more, and every part serves. */
export async function healSystem(system: ChaosSystem): Promise<void> {
  for (const proxy of system.links.values()) healLink(proxy);
  await system.disk?.free();
  for (const clock of system.clocks.values()) await clock.set(0);
  for (const part of system.parts.values()) {
    part.thaw();
    part.release();
  }
  await untilReady(system);
}

/** Which worker reaches the model at this address. */
export function workerAt({ links }: ChaosSystem, address: string): string {
  const found = [...links].find(([, proxy]) => address.endsWith(`:${proxy.port}`));
  return found?.[0].split('-')[0] ?? address;
}

export async function closeSystem(system: ChaosSystem): Promise<void> {
  const { parts, links, model, pool, temporal } = system;
  await pool.end().catch(() => {});
  await temporal.connection.close();
  await closeParts(parts);
  await Promise.all([...links.values()].map((link) => link[Symbol.asyncDispose]()));
  await model.close();
}

/** The servers last. */
async function closeParts(parts: ReadonlyMap<PartName, Part>): Promise<void> {
  const services = [...parts].filter(([name]) => name !== 'postgres' && name !== 'temporal');
  await Promise.all(services.map(([, part]) => part.close()));
  await Promise.all([parts.get('postgres')?.close('SIGQUIT'), parts.get('temporal')?.close()]);
}
