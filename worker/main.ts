/** The worker as its own process: `npm run worker`. Stops on SIGTERM or SIGINT. */
import { loadConfigOrExit, usesDemoModel } from '../config/config.ts';
import { startDemoModel } from '../demo/server.ts';
import { collectLessOften } from '../config/heap.ts';
import { createLogger } from '../config/log.ts';
import { startWorker } from './worker.ts';

collectLessOften();
const config = loadConfigOrExit();
const log = createLogger(config);
if (config.databaseUrl === undefined || config.temporalAddress === undefined) {
  log.fatal(
    'DATABASE_URL and TEMPORAL_ADDRESS must be set. For everything on one computer, use npm start.',
  );
  process.exit(1);
}
const demo = usesDemoModel(config) ? await startDemoModel() : undefined;
if (demo !== undefined) {
  log.warn('MODEL_BASE_URL is not set: the built-in demo model answers. It is not an LLM.');
}
const worker = await startWorker({
  config: { ...config, modelBaseUrl: config.modelBaseUrl ?? demo?.baseUrl },
  databaseUrl: config.databaseUrl,
  listenUrl: config.databaseListenUrl ?? config.databaseUrl,
  temporalAddress: config.temporalAddress,
  cacheDir: config.cacheDir,
  log,
}).catch((error: unknown) => {
  log.fatal({ err: error }, 'The worker could not start');
  process.exit(1);
});
log.info({ sandbox: worker.sandbox }, 'The worker is polling');
worker.running.catch(() => process.exit(1));

const stop = (signal: NodeJS.Signals): void => {
  log.info({ signal }, 'The worker is stopping');
  void worker
    .close()
    .then(() => demo?.close())
    .then(() => process.exit(0));
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
