/**
 * Starts a server that ends with this process, whatever ends that: the server's only tie to us is a pipe, and a shell
 * beside it reads to the pipe's end, which comes when nobody holds the other end any more.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { open } from 'node:fs/promises';

export type EndingChildOptions = {
  /** Takes the server's output, appended. */
  logFile: string;
  env: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number | undefined;
  gid?: number | undefined;
  /** What ends it in order, and what ends it when that took half a minute. */
  signals: readonly [NodeJS.Signals, NodeJS.Signals];
};

/** The shell becomes the server, so the child's id, exit and signals are the server's own. */
const SCRIPT = `
first=$1 last=$2; shift 2
{
  read -r _
  kill -s "$first" $$
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
    sleep 1
    kill -0 $$ || exit
  done
  kill -s "$last" $$
} <&3 >/dev/null 2>&1 &
exec "$@" 3<&-`;

/** Resolves when the program was started. It has a session of its own: the terminal's signals do not reach it. */
export async function startEndingChild(
  command: readonly string[],
  { logFile, env, cwd, uid, gid, signals }: EndingChildOptions,
): Promise<ChildProcess> {
  const log = await open(logFile, 'a', 0o600);
  try {
    const names = signals.map((name) => name.replace('SIG', ''));
    const child = spawn('/bin/sh', ['-c', SCRIPT, 'sh', ...names, ...command], {
      cwd,
      uid,
      gid,
      env,
      detached: true,
      stdio: ['ignore', log.fd, log.fd, 'pipe'],
    });
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.unref();
    // A server keeps no process alive that has nothing else to do.
    (child.stdio[3] as unknown as { unref(): void }).unref();
    return child;
  } finally {
    await log.close();
  }
}

export function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
