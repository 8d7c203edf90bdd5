/**
 * The local Temporal server: `temporal server start-dev` with its state in `<data dir>/temporal`, on 127.0.0.1.
 * It ends with the process that started it. A start first stops a server that a killed process left running.
 */
import type { ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hasEnded, startEndingChild } from '../ending-child.ts';
import { EmbeddedError } from '../error.ts';
import { exists, limitLog, readJson, writeJson } from '../files.ts';
import { freePort } from '../ports.ts';
import { commandLine, environment, run, signal, tail, waitUntil } from '../processes.ts';
import { temporalHealth } from './health.ts';
import { HOST, commandFor, databaseFile, logFile, namespaceOf, stateFile } from './launch.ts';
import type { Launch, Ports, TemporalServerOptions } from './launch.ts';
import { findTemporal } from './program.ts';
import type { Target, UiProxy } from './ui-proxy.ts';
import { openUiProxy } from './ui-proxy.ts';

export { EmbeddedError } from '../error.ts';
export type { TemporalServerOptions } from './launch.ts';

export type TemporalServer = {
  /** host:port of the frontend. */
  address: string;
  /** A link with a token. Undefined: started without the web UI. */
  uiUrl: string | undefined;
  /** The server's version, such as 1.29.1. */
  version: string;
  /** Ends the server; safe to call twice. */
  stop(): Promise<void>;
};

/** Identifies a started server to a later start, and keeps its ports. */
type State = Ports & { pid: number; command: string[]; proxyPort?: number | undefined };

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
  let state: State | undefined;
  const proxy = await guardUi(options, previous, () =>
    state?.uiPort === undefined ? undefined : { host: state.uiHost ?? HOST, port: state.uiPort },
  );
  try {
    state = await start(launch, { ...previous, proxyPort: proxy?.port });
    // start-dev registers search attributes only while it creates the namespace.
    if (known) await addSearchAttributes(launch, state);
    return handle(launch, state, proxy);
  } catch (error) {
    await proxy?.close();
    throw error;
  }
}

/** Takes the port of the UI before the server starts. */
async function guardUi(
  { uiPort, uiPortMayChange }: TemporalServerOptions,
  previous: State | undefined,
  target: () => Target | undefined,
): Promise<UiProxy | undefined> {
  if (uiPort === undefined) return undefined;
  const wanted = uiPort === 0 ? (previous?.proxyPort ?? 0) : uiPort;
  return openUiProxy(wanted, target).catch(() => {
    if (uiPort === 0 || uiPortMayChange === true) return openUiProxy(0, target);
    throw new EmbeddedError(
      `Port ${uiPort} for the Temporal UI is in use: choose another with --temporal-ui-port.`,
    );
  });
}

async function start(launch: Launch, previous: Partial<State>): Promise<State> {
  for (let attempt = 1; ; attempt++) {
    const ports = await choosePorts(launch.options, attempt === 1 ? previous.port : undefined);
    const { state, child } = await spawnServer(launch, { ...ports, proxyPort: previous.proxyPort });
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

async function choosePorts(options: TemporalServerOptions, previous?: number): Promise<Ports> {
  const port = await freePort(previous);
  if (options.uiPort === undefined) return { port, uiPort: undefined };
  return { port, uiPort: await freePort(), uiHost: loopback() };
}

/** No page can guess it: on Linux, any of 16 million addresses is this computer. */
function loopback(): string {
  return process.platform === 'linux'
    ? `127.${[254, 255, 254].map((most) => randomInt(1, most)).join('.')}`
    : HOST;
}

async function spawnServer(
  launch: Launch,
  ports: Ports & Pick<State, 'proxyPort'>,
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

function handle({ program }: Launch, state: State, proxy: UiProxy | undefined): TemporalServer {
  let stopping: Promise<void> | undefined;
  return {
    address: `${HOST}:${state.port}`,
    uiUrl: proxy?.link,
    version: program.server,
    stop: () => (stopping ??= Promise.all([stop(state), proxy?.close()]).then(() => {})),
  };
}
