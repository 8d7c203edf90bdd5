/** Our own two parts, worker and API, in this process. Loading them takes a while, so serve.ts does it meanwhile. */
import type { Gate } from '../../api/http/gate.ts';
import { startApi } from '../../api/server.ts';
import type { Config } from '../../config/config.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { createLogger } from '../../config/log.ts';
import { startWorker } from '../../worker/worker.ts';
import type { Ready } from './banner.ts';
import { sandboxSummary } from './banner.ts';
import type { Shutdown } from './shutdown.ts';

/** What is there already when our own parts start. */
export type Surroundings = {
  databaseUrl: string;
  temporalAddress: string;
  cacheDir: string;
  gate: Gate;
  sandbox: Promise<Sandbox>;
};

/** Starts the worker, then the API on the worker's connection. `onFailure` hears of a worker that stops by itself. */
export async function startOurs(
  config: Config,
  { databaseUrl, temporalAddress, cacheDir, gate, sandbox }: Surroundings,
  shutdown: Shutdown,
  onFailure: (error: unknown) => void,
): Promise<{ url: string; sandbox: Ready['sandbox'] }> {
  const listenUrl = config.databaseListenUrl ?? databaseUrl;
  const common = { config, databaseUrl, listenUrl, temporalAddress, log: createLogger(config) };
  const worker = await startWorker({ ...common, cacheDir, sandbox });
  shutdown.add('worker', () => worker.close());
  worker.running.catch(onFailure);
  const { connection } = worker;
  // Read each time: a remote sandbox comes and goes.
  const states = () => ({ worker: 'running', sandbox: sandboxSummary(worker.sandbox) });
  const api = await startApi({ ...common, gate, connection, states });
  shutdown.add('API', () => api.close());
  return { url: api.url, sandbox: worker.sandbox };
}
