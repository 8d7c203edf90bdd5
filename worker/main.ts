/** The worker as its own process: `npm run worker`. Stops on SIGTERM or SIGINT. */
import { loadConfigOrExit, usesDemoModel } from '../config/config.ts';
import { startDemoModel } from '../demo/server.ts';
import { collectLessOften } from '../config/heap.ts';
import { createLogger } from '../config/log.ts';
import { closeOnSignal, exitWith, serversOrExit } from '../config/process.ts';
import { serveMetrics } from '../telemetry/exposition.ts';
import { startTracing } from '../telemetry/start-tracing.ts';
import { startWorker } from './worker.ts';

collectLessOften();
const config = loadConfigOrExit();
const log = createLogger(config);
const servers = serversOrExit(config, log);
const stopTracing = await startTracing(config, 'threadmill-worker', (text) => log.warn(text));
const metrics =
  config.metricsListen &&
  (await serveMetrics(config.metricsListen).catch(exitWith(log, 'METRICS_LISTEN cannot be used')));
const demo = usesDemoModel(config) ? await startDemoModel() : undefined;
if (demo !== undefined) {
  log.warn('MODEL_BASE_URL is not set: the built-in demo model answers. It is not an LLM.');
}
const worker = await startWorker({
  ...servers,
  config: { ...config, modelBaseUrl: config.modelBaseUrl ?? demo?.baseUrl },
  cacheDir: config.cacheDir,
  log,
}).catch(exitWith(log, 'The worker could not start'));
log.info({ sandbox: worker.sandbox }, 'The worker is polling');
worker.running.catch(() => process.exit(1));
closeOnSignal(log, 'The worker', () =>
  worker.close().then(() => Promise.all([demo?.close(), metrics?.close(), stopTracing()])),
);
