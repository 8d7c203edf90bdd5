/** The API as its own process: `npm run api`. Stops on SIGTERM or SIGINT. */
import { loadConfigOrExit, usesDemoModel } from '../config/config.ts';
import { startDemoModel } from '../demo/server.ts';
import { collectLessOften } from '../config/heap.ts';
import { createLogger } from '../config/log.ts';
import { closeOnSignal, exitWith, serversOrExit } from '../config/process.ts';
import { serveMetrics } from '../telemetry/exposition.ts';
import { startTracing } from '../telemetry/start-tracing.ts';
import { startApi } from './server.ts';

collectLessOften();
const config = loadConfigOrExit();
const log = createLogger(config);
const servers = serversOrExit(config, log);
const stopTracing = await startTracing(config, 'threadmill-api', (text) => log.warn(text));
const metrics =
  config.metricsListen &&
  (await serveMetrics(config.metricsListen).catch(exitWith(log, 'METRICS_LISTEN cannot be used')));
// For requests that pass through; runs are the worker's.
const demo = usesDemoModel(config) ? await startDemoModel() : undefined;
const modelBaseUrl = config.modelBaseUrl ?? demo?.baseUrl;
const api = await startApi({ ...servers, config: { ...config, modelBaseUrl }, log }).catch(
  exitWith(log, 'The API could not start'),
);
log.info({ url: api.url }, 'The API is serving');
closeOnSignal(log, 'The API', () =>
  api.close().then(() => Promise.all([demo?.close(), metrics?.close(), stopTracing()])),
);
