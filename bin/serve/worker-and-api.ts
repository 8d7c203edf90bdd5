/** Starts the worker and the API in this process. These modules load slowly, so serve.ts imports them while the servers start. */
import type { Gate } from '../../api/http/gate.ts';
import { startApi } from '../../api/server.ts';
import type { Config } from '../../config/config.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { createLogger } from '../../config/log.ts';
import { serveMetrics } from '../../telemetry/exposition.ts';
import { startTracing } from '../../telemetry/start-tracing.ts';
import { startWorker } from '../../worker/worker.ts';
import type { Ready } from './banner.ts';
import { sandboxSummary } from './banner.ts';
import type { Shutdown } from './shutdown.ts';

/** The parts that the worker and the API need. */
export type RunningParts = {
  databaseUrl: string;
  temporalAddress: string;
  cacheDir: string;
  gate: Gate;
  sandbox: Promise<Sandbox>;
};

/** Starts the worker, then the API on the worker's connection. A worker that stops by itself calls `onFailure`. */
export async function startWorkerAndApi(
  config: Config,
  { databaseUrl, temporalAddress, cacheDir, gate, sandbox }: RunningParts,
  shutdown: Shutdown,
  onFailure: (error: unknown) => void,
): Promise<{ url: string; sandbox: Ready['sandbox'] }> {
  const listenUrl = config.databaseListenUrl ?? databaseUrl;
  const common = { config, databaseUrl, listenUrl, temporalAddress, log: createLogger(config) };
  const warn = (text: string) => common.log.warn(text);
  shutdown.add('tracing', await startTracing(config, 'threadmill', warn));
  if (config.metricsListen !== undefined) {
    const metrics = await serveMetrics(config.metricsListen);
    shutdown.add('metrics', () => metrics.close());
  }
  const worker = await startWorker({ ...common, cacheDir, sandbox, temporalMetrics: true });
  shutdown.add('worker', () => worker.close());
  worker.running.catch(onFailure);
  const { connection } = worker;
  // Read at each request, because a remote sandbox may become unavailable and return.
  const states = () => ({ worker: 'running', sandbox: sandboxSummary(worker.sandbox) });
  const api = await startApi({ ...common, gate, connection, states });
  shutdown.add('API', () => api.close());
  return { url: api.url, sandbox: worker.sandbox };
}
