/**
 * Starts a server that ends with this process, whatever ends this process. A pipe connects the two. A shell beside the
 * server reads the pipe to its end, which comes when no process holds the writing end any more.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { open } from 'node:fs/promises';

export type EndingChildOptions = {
  /** The server's output is appended to it. */
  logFile: string;
  env: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number | undefined;
  gid?: number | undefined;
  /** The signal that stops the server, and the signal that follows if it still runs after 30 s. */
  signals: readonly [NodeJS.Signals, NodeJS.Signals];
};

/** `exec` turns the shell into the server, so the child's id, exit code and signals are those of the server. */
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

/** Resolves when the program has started. It has its own session, so signals of the terminal do not reach it. */
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
    // The server does not keep this process alive.
    (child.stdio[3] as unknown as { unref(): void }).unref();
    return child;
  } finally {
    await log.close();
  }
}

export function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
