/** Processes of the host, looked up in /proc. Any of them may end at any moment. */
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

const MAX_LAUNCHER_BYTES = 4_096;

/** `pid` and its descendants, parents first. */
export function processTree(pid: number): number[] {
  return [pid, ...children(pid).flatMap(processTree)];
}

/** Each thread has its own list of children. */
function children(pid: number): number[] {
  const threads = unlessEnded(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  return threads.flatMap(
    (thread) => unlessEnded(() => pids(readFileSync(childrenOf(pid, thread), 'utf8'))) ?? [],
  );
}

/** Files in /proc vanish with their process or thread, and not every system has all of them. */
export function unlessEnded<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The first child of a launcher, which has one thread: the first process of the pid namespace that it made. */
export function firstChild({ pid }: Pick<ChildProcess, 'pid'>): number | undefined {
  return unlessEnded(() => pids(readFileSync(childrenOf(pid, pid), 'utf8'))[0]);
}

/** The program that the launcher's first process started. */
export function secondChild(launcher: ChildProcess): number | undefined {
  const first = firstChild(launcher);
  return first === undefined ? undefined : firstChild({ pid: first });
}

/** The process has started and not ended. */
export function isRunning({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid !== undefined && exitCode === null && signalCode === null;
}

/** Resolves when a launcher has ended and its pipes are closed, with what it printed before Python ran. */
export async function launcherLogAtEnd(launcher: ChildProcess): Promise<string> {
  let log = '';
  launcher.stderr?.on('data', (chunk: Buffer) => {
    if (log.length < MAX_LAUNCHER_BYTES) log += chunk.toString('utf8');
  });
  await new Promise((resolve) => launcher.once('close', resolve));
  return log.trim();
}

/** Kills a process; a negative id is a process group. */
export function killIfAlive(pid: number): void {
  signalIfAlive(pid, 'SIGKILL');
}

/** Sends a signal to a process or a process group. */
export function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Whether every thread of the process stands still after SIGSTOP. */
export function isStopped(pid: number): boolean {
  const threads = unlessEnded(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  return threads.every((thread) => {
    const stat = unlessEnded(() => readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'));
    return stat === undefined || 'TZX'.includes(stat.charAt(stat.lastIndexOf(')') + 2));
  });
}

/** Processor time of `pid` and its threads; undefined where there is no /proc. */
export function processorSeconds(pid: number | undefined): number | undefined {
  const stat = unlessEnded(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (stat === undefined) return undefined;
  // After the name, which may contain any character: user and system time, in hundredths of a second.
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')'))
    .split(' ')
    .slice(12, 14)
    .map(Number);
  return (user + system) / 100;
}

/** Gives the process and its descendants only the processor time that others leave. It must have its session for itself. */
export function yieldToOthers(pid: number | undefined): void {
  if (pid === undefined) return;
  const { PRIORITY_BELOW_NORMAL, PRIORITY_LOW } = constants.priority;
  // Where Linux divides processor time by session, a nice value counts within the session only, and the session has one for
  // all of its processes: a tenth of the share of the busy server lets code make progress, and no fork takes more.
  unlessEnded(() => writeFileSync(`/proc/${pid}/autogroup`, String(PRIORITY_BELOW_NORMAL)));
  unlessEnded(() => setPriority(pid, PRIORITY_LOW));
  // Threads have a nice value each.
  unlessEnded(() =>
    readdirSync(`/proc/${pid}/task`).forEach((id) => setPriority(+id, PRIORITY_LOW)),
  );
}

/** When memory runs out, Linux ends this process and its descendants before any other. */
export function dieFirst(pid: number): void {
  unlessEnded(() => writeFileSync(`/proc/${pid}/oom_score_adj`, '1000'));
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
