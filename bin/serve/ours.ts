/** Our own two parts, worker and API, in this process. Loading them takes a while, so serve.ts does it meanwhile. */
import type { Gate } from '../../api/gate.ts';
import { startApi } from '../../api/server.ts';
import type { Config } from '../../config.ts';
import { createLogger } from '../../log.ts';
import { startWorker } from '../../worker/worker.ts';
import type { Ready } from './banner.ts';
import type { Shutdown } from './shutdown.ts';

export type Addresses = { databaseUrl: string; temporalAddress: string; cacheDir: string };

/** Starts the worker, then the API on the worker's connection. `onFailure` hears of a worker that stops by itself. */
export async function startOurs(
  config: Config,
  { databaseUrl, temporalAddress, cacheDir }: Addresses,
  gate: Gate,
  shutdown: Shutdown,
  onFailure: (error: unknown) => void,
): Promise<{ url: string; sandbox: Ready['sandbox'] }> {
  const listenUrl = config.databaseListenUrl ?? databaseUrl;
  const common = { config, databaseUrl, listenUrl, temporalAddress, log: createLogger(config) };
  const worker = await startWorker({ ...common, cacheDir });
  shutdown.add('worker', () => worker.close());
  worker.running.catch(onFailure);
  const { connection, sandbox } = worker;
  const states = () => ({ worker: 'running', sandbox: sandbox.ok ? sandbox.backend : 'none' });
  const api = await startApi({ ...common, gate, connection, states });
  shutdown.add('API', () => api.close());
  return { url: api.url, sandbox };
}
