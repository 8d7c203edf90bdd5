/** The API as its own process: `npm run api`. Stops on SIGTERM or SIGINT. */
import { loadConfigOrExit, usesDemoModel } from '../config/config.ts';
import { startDemoModel } from '../demo/server.ts';
import { collectLessOften } from '../config/heap.ts';
import { createLogger } from '../config/log.ts';
import { startApi } from './server.ts';

collectLessOften();
const config = loadConfigOrExit();
const log = createLogger(config);
if (config.databaseUrl === undefined || config.temporalAddress === undefined) {
  log.fatal(
    'DATABASE_URL and TEMPORAL_ADDRESS must be set. For everything on one computer, use npm start.',
  );
  process.exit(1);
}
// For requests that pass through; runs are the worker's.
const demo = usesDemoModel(config) ? await startDemoModel() : undefined;
const api = await startApi({
  config: { ...config, modelBaseUrl: config.modelBaseUrl ?? demo?.baseUrl },
  databaseUrl: config.databaseUrl,
  listenUrl: config.databaseListenUrl ?? config.databaseUrl,
  temporalAddress: config.temporalAddress,
  log,
}).catch((error: unknown) => {
  log.fatal({ err: error }, 'The API could not start');
  process.exit(1);
});
log.info({ url: api.url }, 'The API is serving');

const stop = (signal: NodeJS.Signals): void => {
  log.info({ signal }, 'The API is stopping');
  void api
    .close()
    .then(() => demo?.close())
    .then(() => process.exit(0));
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
