/** The command line, the environment and the files of the embedded Temporal server. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TemporalProgram } from './program.ts';

export type TemporalServerOptions = {
  /** The server uses `temporal/` in it. The caller ensures that only one process uses the directory. */
  dataDir: string;
  /** Undefined: no web UI. 0: any free port. */
  uiPort?: number | undefined;
  /** Take a free port for the UI when `uiPort` is busy, instead of failing. */
  uiPortMayChange?: boolean;
  /** Keeps no data after its end. */
  inMemory?: boolean;
  /** Created beside `default`. */
  namespace?: string;
  searchAttributes: Record<string, 'Keyword'>;
  /** Aborts a build of the server. */
  signal?: AbortSignal;
  onProgress?: (line: string) => void;
};

/** `uiPort`: of the unguarded UI, at `uiHost`. */
export type Ports = { port: number; uiPort: number | undefined; uiHost?: string };
export type Launch = {
  program: TemporalProgram;
  directory: string;
  options: TemporalServerOptions;
};

export const HOST = '127.0.0.1';

/**
 * Without these settings the one-shard development server delays every step of a workflow by about 45 ms. Visibility keeps
 * its default: no step waits for it, and SQLite has one writer, whose time the steps of a run need. A frozen worker answers
 * no ping: the server drops its polls before its activities time out, so that it gets no new task.
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
  // Its HTTP API has a port that cannot be switched off. No page of a browser has this name.
  'frontend.httpAllowedHosts': ['none.invalid'],
};

/** Tasks of projects that wait are dispatched in turn. A fair queue is other tables of the server. */
const FAIR_QUEUES = { 'matching.enableFairness': true };

export function commandFor(launch: Launch, { port, uiPort, uiHost = HOST }: Ports): string[] {
  const { program, options } = launch;
  const inMemory = options.inMemory === true;
  const database = inMemory ? [] : ['--db-filename', databaseFile(launch), ...PRAGMAS];
  const isFormer = !inMemory && databaseFile(launch) === formerFile(launch);
  const settings = { ...DYNAMIC_CONFIG, ...(isFormer ? {} : FAIR_QUEUES) };
  return [
    program.path,
    'server',
    'start-dev',
    '--log-level=warn',
    `--ip=${HOST}`,
    `--port=${port}`,
    `--namespace=${namespaceOf(options)}`,
    ...(uiPort === undefined ? ['--headless'] : [`--ui-ip=${uiHost}`, `--ui-port=${uiPort}`]),
    ...database,
    ...Object.entries(settings).flatMap(([key, value]) => [
      '--dynamic-config-value',
      `${key}=${JSON.stringify(value)}`,
    ]),
    ...Object.entries(options.searchAttributes).flatMap(([key, type]) => [
      '--search-attribute',
      `${key}=${type}`,
    ]),
  ];
}

/** The database survives a killed process. A power failure may lose the last moments, which the reconciler repairs. */
const PRAGMAS = ['--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=normal'];

export function namespaceOf({ namespace = 'default' }: TemporalServerOptions): string {
  return namespace;
}

/** Named after the server's version, because a server creates its tables only in a new file and may not convert old ones. */
export function databaseFile(launch: Launch): string {
  const former = formerFile(launch);
  return existsSync(former)
    ? former
    : join(launch.directory, `temporal-${launch.program.server}-fair.db`);
}

/** A file of 0.1.0, whose queues stay as they are: server 1.29 would not dispatch the tasks that wait in them. */
function formerFile({ program, directory }: Launch): string {
  return join(directory, `temporal-${program.server}.db`);
}

export function stateFile({ directory }: Launch): string {
  return join(directory, 'server.json');
}

export function logFile({ directory }: Launch): string {
  return join(directory, 'server.log');
}
