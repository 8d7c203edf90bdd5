/** The parts that the worker and the API need: database, Temporal server and model. Each is embedded or named by a setting. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { usesDemoModel } from '../../config/config.ts';
import { ensureApiKey, mintApiKey } from '../../db/projects/api-keys.ts';
import { migrate } from '../../db/core/migrate.ts';
import { createPool } from '../../db/core/pool.ts';
import { WHOLE_DATABASE } from '../../db/core/row-scope.ts';
import { startDemoModel } from '../../demo/server.ts';
import { startEmbeddedPostgres } from '../../embedded/postgres/server.ts';
import { startTemporalServer } from '../../embedded/temporal/server.ts';
import type { Options } from './options.ts';
import { SEARCH_ATTRIBUTE_TYPES } from '../../temporal/search-attributes.ts';
import type { Shutdown } from './shutdown.ts';
import { StartError } from './start-error.ts';

const PROJECT = 'default';

/** `newApiKey`: the key that this start has made. */
export type Database = { url: string; newApiKey: string | undefined };
export type Temporal = { address: string; uiUrl: string | undefined };

/** A migrated database that contains the API key. */
export async function openDatabase({ config }: Options, shutdown: Shutdown): Promise<Database> {
  const { url, ownerUrl = url } = await findDatabase(config, shutdown);
  const pool = createPool(ownerUrl, {
    max: 1,
    applicationName: 'threadmill-start',
    scope: WHOLE_DATABASE,
  });
  try {
    await migrate(pool, url);
    const saved = config.apiKey === undefined ? await savedApiKey(config.dataDir) : undefined;
    await ensureApiKey(pool, { projectName: PROJECT, key: config.apiKey ?? saved!.key });
    return { url, newApiKey: saved?.isNew === true ? saved.key : undefined };
  } finally {
    await pool.end();
  }
}

async function findDatabase(
  { databaseUrl: url, databaseOwnerUrl: ownerUrl, dataDir }: Config,
  shutdown: Shutdown,
): Promise<{ url: string; ownerUrl?: string | undefined }> {
  if (url !== undefined) return { url, ownerUrl };
  const postgres = await startEmbeddedPostgres({ dataDir, onProgress: say });
  shutdown.add('PostgreSQL', () => postgres.stop());
  return { url: postgres.appUrl, ownerUrl: postgres.url };
}

/** The key in the data directory, made at the first start. */
async function savedApiKey(dataDir: string): Promise<{ key: string; isNew: boolean }> {
  const path = join(dataDir, 'api-key');
  const saved = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw new StartError(
      `${path} cannot be read (${error.message}): correct its permissions, or set THREADMILL_API_KEY.`,
    );
  });
  if (saved.trim() !== '') return { key: saved.trim(), isNew: false };
  const key = mintApiKey();
  await writeFile(path, `${key}\n`, { mode: 0o600 });
  return { key, isNew: true };
}

/** The server at TEMPORAL_ADDRESS, or an embedded server with the namespace. */
export async function openTemporal(
  { config, uiPortGiven }: Options,
  shutdown: Shutdown,
): Promise<Temporal> {
  const { temporalAddress: address, temporalNamespace: namespace } = config;
  if (address !== undefined) return { address, uiUrl: undefined };
  const server = await startTemporalServer({
    dataDir: config.dataDir,
    namespace,
    uiPort: config.temporalUiPort,
    uiPortMayChange: !uiPortGiven,
    searchAttributes: SEARCH_ATTRIBUTE_TYPES,
    onProgress: say,
    signal: shutdown.signal,
  });
  shutdown.add('Temporal', () => server.stop());
  return server;
}

/** Starts the demo model and adds its URL to the configuration, if no model server is configured. */
export async function withModel(
  config: Config,
  shutdown: Shutdown,
): Promise<{ config: Config; demo: boolean }> {
  if (!usesDemoModel(config)) return { config, demo: false };
  const model = await startDemoModel();
  shutdown.add('demo model', () => model.close());
  return { config: { ...config, modelBaseUrl: model.baseUrl }, demo: true };
}

function say(line: string): void {
  console.log(line);
}
