/** Processes of the host, looked up in /proc. Any of them may end at any moment. */
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

/** `pid` and everything below it, parents first. */
export function processTree(pid: number): number[] {
  return [pid, ...children(pid).flatMap(processTree)];
}

/** Each thread has its own list of them. */
function children(pid: number): number[] {
  const threads = unlessEnded(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  return threads.flatMap(
    (thread) => unlessEnded(() => pids(readFileSync(childrenOf(pid, thread), 'utf8'))) ?? [],
  );
}

/** What is in /proc of a process or thread goes with it, and not every system has all of it. */
export function unlessEnded<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The first child of a launcher, which has one thread: the first process of the pid namespace it made. */
export function firstChild({ pid }: Pick<ChildProcess, 'pid'>): number | undefined {
  return unlessEnded(() => pids(readFileSync(childrenOf(pid, pid), 'utf8'))[0]);
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

/** Whether every thread of the process stands still after SIGSTOP. */
export function isStopped(pid: number): boolean {
  const threads = unlessEnded(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  return threads.every((thread) => {
    const stat = unlessEnded(() => readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'));
    return stat === undefined || 'TZX'.includes(stat.charAt(stat.lastIndexOf(')') + 2));
  });
}

/** What `pid` and its threads have used; undefined where there is no /proc. */
export function processorSeconds(pid: number | undefined): number | undefined {
  const stat = unlessEnded(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (stat === undefined) return undefined;
  // Behind the name, which may hold anything: user and system time, in hundredths of a second.
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')'))
    .split(' ')
    .slice(12, 14)
    .map(Number);
  return (user + system) / 100;
}

/** Gives the process and what it starts what others leave of the processors. It must have its session for itself. */
export function yieldToOthers(pid: number | undefined): void {
  if (pid === undefined) return;
  const { PRIORITY_BELOW_NORMAL, PRIORITY_LOW } = constants.priority;
  // Where Linux shares out by session, a nice value counts within the session only, and the session's is for all of its
  // processes together: a tenth of what the busy server has lets code get on, and no fork takes more.
  unlessEnded(() => writeFileSync(`/proc/${pid}/autogroup`, String(PRIORITY_BELOW_NORMAL)));
  unlessEnded(() => setPriority(pid, PRIORITY_LOW));
  // Threads have a nice value each.
  unlessEnded(() =>
    readdirSync(`/proc/${pid}/task`).forEach((id) => setPriority(+id, PRIORITY_LOW)),
  );
}

/** Short of memory, Linux ends it, and what it starts, before anything else. */
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
