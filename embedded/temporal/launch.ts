/** How our Temporal server is started: its command line, its environment and its files. */
import { join } from 'node:path';
import type { TemporalProgram } from './program.ts';

export type TemporalServerOptions = {
  /** Uses `temporal/` in it. One process at a time, which is for the caller to ensure. */
  dataDir: string;
  /** Undefined: no web UI. 0: any free port. */
  uiPort?: number | undefined;
  /** The UI's port is a wish: take a free one when it is busy, rather than refuse. */
  uiPortMayChange?: boolean;
  /** Forgets everything at its end. */
  inMemory?: boolean;
  /** Created beside `default`. */
  namespace?: string;
  searchAttributes: Record<string, 'Keyword'>;
  /** Ends the minutes of building the server. */
  signal?: AbortSignal;
  onProgress?: (line: string) => void;
};

export type Ports = { port: number; uiPort: number | undefined };
export type Launch = {
  program: TemporalProgram;
  directory: string;
  options: TemporalServerOptions;
};

export const HOST = '127.0.0.1';

/**
 * Without these the one-shard development server makes every step of a workflow wait about 45 ms. Visibility keeps its
 * default: nobody waits for it, and SQLite has one writer, whose time the steps of a run need. A worker that stands still
 * answers no ping: its polls are dropped before its activities time out, so that nothing is handed to it again.
 */
const DYNAMIC_CONFIG = {
  'system.enableActivityEagerExecution': true,
  'history.transferProcessorMaxPollRPS': 2000,
  'history.timerProcessorMaxPollRPS': 2000,
  'matching.useNewMatcher': true,
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
  'frontend.keepAliveTime': '1s',
  'frontend.keepAliveTimeout': '3s',
};

export function commandFor(
  { program, directory, options }: Launch,
  { port, uiPort }: Ports,
): string[] {
  const database =
    options.inMemory === true
      ? []
      : ['--db-filename', databaseFile({ program, directory, options }), ...PRAGMAS];
  return [
    program.path,
    'server',
    'start-dev',
    '--log-level=warn',
    `--ip=${HOST}`,
    `--port=${port}`,
    `--namespace=${namespaceOf(options)}`,
    ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]),
    ...database,
    ...Object.entries(DYNAMIC_CONFIG).flatMap(([key, value]) => [
      '--dynamic-config-value',
      `${key}=${JSON.stringify(value)}`,
    ]),
    ...Object.entries(options.searchAttributes).flatMap(([key, type]) => [
      '--search-attribute',
      `${key}=${type}`,
    ]),
  ];
}

/** Survives any killed process; a power cut may lose the last moments, which the reconciler repairs. */
const PRAGMAS = ['--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=normal'];

/** The user's own TEMPORAL_* settings are for their client and would reach this server's flags. */
export function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_')),
  );
}

export function namespaceOf({ namespace = 'default' }: TemporalServerOptions): string {
  return namespace;
}

/** Named by the server's version: it creates its tables only in a new file and cannot be relied on to convert old ones. */
export function databaseFile({ program, directory }: Launch): string {
  return join(directory, `temporal-${program.server}.db`);
}

export function stateFile({ directory }: Launch): string {
  return join(directory, 'server.json');
}

export function logFile({ directory }: Launch): string {
  return join(directory, 'server.log');
}
