/** Checks what npm start needs: Node, Temporal, PostgreSQL, the data directory and the port. Changes nothing. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { exists } from '../../embedded/files.ts';
import { isPortFree } from '../../embedded/ports.ts';
import { chooseAccount } from '../../embedded/postgres/account.ts';
import { clusterMajor } from '../../embedded/postgres/cluster.ts';
import { findPrograms } from '../../embedded/postgres/programs.ts';
import { findGo } from '../../embedded/temporal/build.ts';
import { readyTemporal } from '../../embedded/temporal/program.ts';
import { holderOf } from '../serve/data-dir.ts';
import { checkDatabase, checkTemporal } from '../serve/given-servers.ts';
import type { Finding } from './report.ts';
import { ok } from './report.ts';

export function node(): Finding {
  const isOurs = process.execPath.includes('node_modules');
  const packaged = isOurs ? ', among the packages' : '';
  return ok('Node', `${process.version}${packaged}; all packages are installed`);
}

/** @throws StartError when TEMPORAL_ADDRESS cannot be used */
export async function temporal(config: Config): Promise<Finding> {
  const { temporalAddress } = config;
  const part = 'Temporal';
  if (temporalAddress !== undefined) {
    await checkTemporal(temporalAddress, config);
    return ok(part, `TEMPORAL_ADDRESS ${temporalAddress} answers`);
  }
  const program = await readyTemporal();
  if (program !== undefined) {
    return ok(part, `${program.version} (server ${program.server}) at ${program.path}`);
  }
  const go = await findGo();
  if (go.ok) {
    return ok(part, `not built yet; npm start builds it with Go ${go.version} (once, 3 minutes)`);
  }
  return {
    part,
    state: 'stop',
    says: `no temporal program on PATH or in the cache, and ${go.reason}`,
    remedy: INSTALL_TEMPORAL,
  };
}

const INSTALL_TEMPORAL =
  process.platform === 'darwin'
    ? 'brew install temporal'
    : 'install Go 1.25 or newer (https://go.dev/dl), or put the Temporal CLI (1.5 or newer) on PATH';

/** @throws StartError when DATABASE_URL cannot be used, EmbeddedError when no PostgreSQL runs here */
export async function database(config: Config): Promise<Finding> {
  const part = 'Database';
  if (config.databaseUrl !== undefined) {
    const weakness = await checkDatabase(config.databaseUrl);
    if (weakness !== undefined) return { part, state: 'note', says: weakness };
    return ok(part, 'DATABASE_URL answers');
  }
  const directory = join(config.dataDir, 'postgres');
  const account = await chooseAccount(directory);
  const { version } = await findPrograms(account, await clusterMajor(directory));
  return ok(part, `embedded PostgreSQL ${version}, run by ${account.name}`);
}

export async function dataDirectory({ dataDir }: Config): Promise<Finding> {
  const part = 'Data';
  const holder = await holderOf(dataDir);
  if (holder !== undefined) {
    return ok(part, `${dataDir}, in use: Threadmill runs (process ${holder.pid})`);
  }
  const place = await nearest(dataDir);
  if (await isWritable(place)) {
    return ok(part, place === dataDir ? dataDir : `${dataDir}, made at the start`);
  }
  return {
    part,
    state: 'stop',
    says: `${place} is not a writable directory`,
    remedy: 'correct its permissions, or use another with --data-dir or THREADMILL_DATA_DIR',
  };
}

/** The path itself, or its nearest existing parent. */
async function nearest(path: string): Promise<string> {
  return (await exists(path)) ? path : nearest(dirname(path));
}

async function isWritable(path: string): Promise<boolean> {
  // The dot makes access fail for a file.
  return access(`${path}/.`, constants.W_OK).then(
    () => true,
    () => false,
  );
}

export async function port({ host, port: number, dataDir }: Config): Promise<Finding> {
  const part = 'Port';
  if (number === 0) return ok(part, 'any free port');
  if (await isPortFree(number, host)) return ok(part, `${number} on ${host} is free`);
  if ((await holderOf(dataDir)) !== undefined) {
    return ok(part, `${number} on ${host} is in use while Threadmill runs`);
  }
  return {
    part,
    state: 'stop',
    says: `${number} on ${host} is in use or not allowed`,
    remedy: 'choose another with --port or PORT, or stop what listens on it',
  };
}
