/** The beginning and the end of a process that serves: the API, a worker or sandboxd. */
import type { Config } from './config.ts';
import type { Logger } from './log.ts';

type Servers = { databaseUrl: string; listenUrl: string; temporalAddress: string };

/** Ends the process if an address is missing. */
export function serversOrExit(config: Config, log: Logger): Servers {
  const { databaseUrl, databaseListenUrl, temporalAddress } = config;
  if (databaseUrl !== undefined && temporalAddress !== undefined) {
    return { databaseUrl, listenUrl: databaseListenUrl ?? databaseUrl, temporalAddress };
  }
  log.fatal(
    'DATABASE_URL and TEMPORAL_ADDRESS must be set. For everything on one computer, use npm start.',
  );
  process.exit(1);
}

/** For the `catch` of a start. */
export const exitWith =
  (log: Logger, message: string) =>
  (error: unknown): never => {
    log.fatal({ err: error }, message);
    process.exit(1);
  };

/** On SIGTERM or SIGINT the process closes and ends. */
export function closeOnSignal(log: Logger, name: string, close: () => Promise<unknown>): void {
  const stop = (signal: NodeJS.Signals): void => {
    log.info({ signal }, `${name} is stopping`);
    void close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}
