/** Processes of the host, looked up in /proc. Any of them may end at any moment. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { constants } from 'node:os';

/** `pid` and everything below it, parents first. */
export async function processTree(pid: number): Promise<number[]> {
  // Each thread has its own list of children.
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    threads.map((thread) => readFile(childrenOf(pid, thread), 'utf8').catch(() => '')),
  );
  const trees = await Promise.all(lists.flatMap(pids).map(processTree));
  return [pid, ...trees.flat()];
}

/** The first child of a launcher, which has one thread: the first process of the pid namespace it made. */
export function firstChild({ pid }: Pick<ChildProcess, 'pid'>): number | undefined {
  try {
    return pids(readFileSync(childrenOf(pid, pid), 'utf8'))[0];
  } catch {
    return undefined; // it has ended
  }
}

/** The program that the launcher's first process started. */
export function secondChild(launcher: ChildProcess): number | undefined {
  const first = firstChild(launcher);
  return first === undefined ? undefined : firstChild({ pid: first });
}

/** A negative id is a process group. */
export function killIfAlive(pid: number): void {
  signalIfAlive(pid, 'SIGKILL');
}

/** The same with any signal. */
export function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** How a launcher's program ended: it exits with 128 + n when signal n ended that. */
export function exitText({ exitCode, signalCode }: ChildProcess): string {
  const signals = Object.entries(constants.signals);
  const name = signalCode ?? signals.find(([, number]) => number === (exitCode ?? 0) - 128)?.[0];
  if (name === 'SIGSEGV') return 'segmentation fault';
  return name ?? `exit code ${exitCode}`;
}

function childrenOf(pid: number | undefined, thread: number | string | undefined): string {
  return `/proc/${pid}/task/${thread}/children`;
}

function pids(list: string): number[] {
  return list.split(' ').filter(Boolean).map(Number);
}
