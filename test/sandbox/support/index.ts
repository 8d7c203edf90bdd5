import { randomUUID } from 'node:crypto';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { createSandbox } from '../../../sandbox/index.ts';
import type {
  CellResult,
  InputFile,
  Sandbox,
  SandboxOptions,
  SandboxStatus,
} from '../../../sandbox/index.ts';
import { mayRun } from './machine.ts';
import { StateStore } from './state-store.ts';

export const PYTHON = '/usr/bin/python3';

type CellOptions = {
  owner?: string;
  most?: number;
  signal?: AbortSignal;
  inputs?: readonly InputFile[];
};

/** A result with its texts in one string and its images in one list. */
export type ReadResult = CellResult & { logs: string; images: Buffer[] };

/** A sandbox and a store for its sessions, so that a test names a session and a cell, and nothing else. */
export type TestSandbox = AsyncDisposable & {
  readonly status: SandboxStatus;
  readonly sandbox: Sandbox;
  readonly store: StateStore;
  runCell(session: string, code: string, options?: CellOptions): Promise<ReadResult>;
  /** Ends the session's Python and forgets its stored state. */
  dropInterpreter(session: string): Promise<void>;
};

/** How the suites get their sandboxes, when that is not how a worker on this machine does. */
export const suite: { open?: (options: SandboxOptions) => Promise<Sandbox> } = {};

/** A real sandbox. Where none is installed its `status.ok` is false, so that suites can skip: see `mayRun`. */
export async function openSandbox(options: Partial<SandboxOptions> = {}): Promise<TestSandbox> {
  const defaults = {
    backend: 'auto',
    python: PYTHON,
    cellSoftSeconds: 20,
    cellHardSeconds: 25,
    spare: false,
  } as const;
  // A test that names a backend means that one.
  const open = options.backend === undefined ? (suite.open ?? createSandbox) : createSandbox;
  const sandbox = await open({ ...defaults, ...options });
  await mayRun(options.backend === 'pyodide' ? 'pyodide' : 'auto', sandbox.status);
  return withStore(sandbox, new StateStore());
}

/** Two of these over one store are two workers over one database. */
export function withStore(sandbox: Sandbox, store: StateStore): TestSandbox {
  return {
    status: sandbox.status,
    sandbox,
    store,
    async runCell(session, code, { owner = 'test', most, signal, inputs = [] } = {}) {
      const result = await sandbox.runCell({
        interpreterId: session,
        owner,
        most,
        code,
        ...(signal === undefined ? {} : { signal }),
        version: () => Promise.resolve(store.version(session)),
        load: () => Promise.resolve(store.load(session)),
        inputs,
        nextVersion: randomUUID(),
        save(_, change) {
          return store.save(session, this.nextVersion, change);
        },
      });
      return readable(result);
    },
    async dropInterpreter(session) {
      await sandbox.dropInterpreter(session);
      store.forget(session);
    },
    [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
  };
}

function readable(result: CellResult): ReadResult {
  const logs = result.outputs.map((output) => (output.type === 'logs' ? output.logs : ''));
  const images = result.outputs.flatMap((output) => (output.type === 'image' ? [output.png] : []));
  return { ...result, logs: logs.join(''), images };
}

/** Runs one cell and returns its logs; anything but a cell that ends well is an error. */
export async function logsOf(sandbox: TestSandbox, session: string, code: string): Promise<string> {
  const { status, logs } = await sandbox.runCell(session, code);
  if (status !== 'ok') throw new Error(`The cell ended with ${status}: ${logs}`);
  return logs;
}

/** A cell that prints the pid namespace it runs in, by which the host can find its processes. */
export const PRINT_NAMESPACE = `import os; print(os.readlink('/proc/self/ns/pid'))`;

/** Ids of the running processes in a pid namespace, as the host sees them. */
export async function processesIn(namespace: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const inside = await Promise.all(pids.map((pid) => isIn(pid, namespace.trim())));
  return pids.filter((_, index) => inside[index]);
}

async function isIn(pid: string, namespace: string): Promise<boolean> {
  if ((await readlink(`/proc/${pid}/ns/pid`).catch(() => '')) !== namespace) return false;
  // A zombie has ended; when it goes is up to the machine's init.
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State:\tZ');
  return !/^State:\tZ/m.test(status);
}
