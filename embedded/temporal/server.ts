/**
 * The local Temporal server: `temporal server start-dev` with its state in `<data dir>/temporal`, on 127.0.0.1.
 * It ends with the process that started it. A start first stops a server that a killed process left running.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hasEnded, startEndingChild } from '../ending-child.ts';
import { EmbeddedError } from '../error.ts';
import { exists, limitLog, readJson, writeJson } from '../files.ts';
import { freePort, isPortFree } from '../ports.ts';
import { commandLine, environment, run, signal, tail, waitUntil } from '../processes.ts';
import { temporalHealth } from './health.ts';
import { HOST, commandFor, databaseFile, logFile, namespaceOf, stateFile } from './launch.ts';
import type { Launch, Ports, TemporalServerOptions } from './launch.ts';
import { findTemporal } from './program.ts';

export { EmbeddedError } from '../error.ts';
export type { TemporalServerOptions } from './launch.ts';

export type TemporalServer = {
  /** host:port of the frontend. */
  address: string;
  /** Undefined: started without the web UI. */
  uiUrl: string | undefined;
  /** The server's version, such as 1.29.1. */
  version: string;
  /** Ends the server; safe to call twice. */
  stop(): Promise<void>;
};

/** Identifies a started server to a later start, and keeps its ports. */
type State = Ports & { pid: number; command: string[] };

const START_ATTEMPTS = 3;
const READY_MS = 60_000;
const STOP_MS = 10_000;

/** Starts the server. Throws EmbeddedError. */
export async function startTemporalServer(options: TemporalServerOptions): Promise<TemporalServer> {
  const program = await findTemporal(options);
  const launch: Launch = { program, directory: join(options.dataDir, 'temporal'), options };
  await mkdir(launch.directory, { recursive: true, mode: 0o700 });
  const previous = await readJson<State>(stateFile(launch));
  if (previous !== undefined) await stop(previous);
  const known = options.inMemory !== true && (await exists(databaseFile(launch)));
  const state = await start(launch, previous);
  // start-dev registers search attributes only while it creates the namespace.
  if (known) await addSearchAttributes(launch, state);
  return handle(launch, state);
}

async function start(launch: Launch, previous: Ports | undefined): Promise<State> {
  for (let attempt = 1; ; attempt++) {
    const ports = await choosePorts(launch.options, attempt === 1 ? previous : undefined);
    const { state, child } = await spawnServer(launch, ports);
    const ready = await waitUntil(
      async () => hasEnded(child) || (await health(launch, state)),
      READY_MS,
    );
    const ended = hasEnded(child);
    if (ready && !ended) return state;
    child.kill('SIGKILL');
    // Another program may have taken a port after it was chosen, here or, for its inner services, by the server.
    if (ended && attempt < START_ATTEMPTS) continue;
    const reason = (await tail(logFile(launch))).trim().split('\n').at(-1) ?? '';
    throw new EmbeddedError(
      `The Temporal server does not start: ${reason} Its log is ${logFile(launch)}.`,
    );
  }
}

async function choosePorts(
  options: TemporalServerOptions,
  previous: Ports | undefined,
): Promise<Ports> {
  const port = await freePort(previous?.port);
  const { uiPort } = options;
  if (uiPort === undefined) return { port, uiPort };
  if (uiPort === 0) return { port, uiPort: await freePort(previous?.uiPort) };
  if (options.uiPortMayChange === true) return { port, uiPort: await freePort(uiPort) };
  if (await isPortFree(uiPort)) return { port, uiPort };
  throw new EmbeddedError(
    `Port ${uiPort} for the Temporal UI is in use: choose another with --temporal-ui-port.`,
  );
}

async function spawnServer(
  launch: Launch,
  ports: Ports,
): Promise<{ state: State; child: ChildProcess }> {
  const command = commandFor(launch, ports);
  await limitLog(logFile(launch));
  const child = await startEndingChild(command, {
    logFile: logFile(launch),
    // Also without TEMPORAL_*, which are for a client and would set flags of this server.
    env: environment(),
    signals: ['SIGTERM', 'SIGKILL'],
  });
  const state = { ...ports, pid: child.pid ?? 0, command };
  await writeJson(stateFile(launch), state);
  return { state, child };
}

async function addSearchAttributes({ program, options }: Launch, { port }: Ports): Promise<void> {
  const attributes = Object.entries(options.searchAttributes);
  const flags = attributes.flatMap(([name, type]) => ['--name', name, '--type', type]);
  const address = ['--address', `${HOST}:${port}`, '--namespace', namespaceOf(options)];
  const command = ['operator', 'search-attribute', 'create', ...address, ...flags];
  // The command succeeds when the attributes exist.
  const { code, stderr } = await run(program.path, command);
  if (code !== 0) {
    throw new EmbeddedError(`Registering Temporal's search attributes failed: ${stderr.trim()}`);
  }
}

async function health({ options }: Launch, { port }: Ports): Promise<boolean> {
  return (await temporalHealth(`${HOST}:${port}`, namespaceOf(options))).state === 'ready';
}

/** Whether the process is the recorded server. Its id alone may belong to another program by now. */
async function isRunning({ pid, command }: State): Promise<boolean> {
  return (await commandLine(pid)) === command.join(' ');
}

async function stop(state: State): Promise<void> {
  if (!(await isRunning(state))) return;
  signal(state.pid, 'SIGTERM');
  if (await waitUntil(async () => !(await isRunning(state)), STOP_MS)) return;
  signal(state.pid, 'SIGKILL');
  await waitUntil(async () => !(await isRunning(state)), STOP_MS);
}

function handle({ program }: Launch, state: State): TemporalServer {
  let stopping: Promise<void> | undefined;
  return {
    address: `${HOST}:${state.port}`,
    uiUrl: state.uiPort === undefined ? undefined : `http://${HOST}:${state.uiPort}`,
    version: program.server,
    stop: () => (stopping ??= stop(state)),
  };
}
