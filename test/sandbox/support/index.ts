import { readdir, readFile, readlink } from 'node:fs/promises';
import { createSandbox } from '../../../sandbox/index.ts';
import type { CellResult, Sandbox, SandboxOptions } from '../../../sandbox/index.ts';

export const PYTHON = '/usr/bin/python3';

/**
 * A real sandbox. Where there is none, its `status.ok` is false and the reason is printed, so that suites can skip;
 * under CI that is a failure: the most important tests of this folder must not vanish unseen.
 */
export async function openSandbox(options: Partial<SandboxOptions> = {}): Promise<Sandbox> {
  const defaults = {
    backend: 'auto',
    python: PYTHON,
    cellSoftSeconds: 20,
    cellHardSeconds: 25,
  } as const;
  const sandbox = await createSandbox({ ...defaults, ...options });
  const { ok, reason } = sandbox.status;
  if (!ok && process.env['CI']) throw new Error(`CI must have a sandbox. ${reason}`);
  if (!ok) console.warn(`Skipping tests that need the sandbox. ${reason}`);
  return sandbox;
}

/** Runs one cell and returns its logs; anything but a cell that ends well is an error. */
export async function logsOf(sandbox: Sandbox, session: string, code: string): Promise<string> {
  const { status, logs }: CellResult = await sandbox.runCell(session, code);
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
