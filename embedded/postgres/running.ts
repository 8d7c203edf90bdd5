/** Starts, finds and stops the server process of a data directory, also one that an earlier npm start left. */
import { readFile, readlink, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasEnded, startEndingChild } from '../ending-child.ts';
import { environmentOf, runOn } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { commandLine, waitUntil } from '../processes.ts';

export type Running = { pid: number; port: number; ready: boolean };

/** Longest wait for a start, which includes the recovery after a crash. */
const READY_MS = 60_000;

/** False when the server ended or was not ready in time. Its log has the reason. */
export async function startPostgres(server: Cluster, logFile: string): Promise<boolean> {
  const { directory, account, programs } = server;
  const child = await startEndingChild([join(programs.bin, 'postgres')], {
    logFile,
    cwd: directory,
    uid: account.uid,
    gid: account.gid,
    env: environmentOf(server),
    // A fast shutdown, and an immediate one.
    signals: ['SIGINT', 'SIGQUIT'],
  });
  const isReady = async () => {
    const running = await readPidFile(directory);
    return running?.pid === child.pid && running?.ready === true;
  };
  await waitUntil(async () => hasEnded(child) || (await isReady()), READY_MS);
  if (!hasEnded(child) && (await isReady())) return true;
  child.kill('SIGQUIT');
  return false;
}

/** The server that runs on this data, after its start or recovery; undefined without one. */
export async function findRunningPostgres(server: Cluster): Promise<Running | undefined> {
  const isSettled = async () => (await readPidFile(server.directory))?.ready !== false;
  const first = await readPidFile(server.directory);
  if (first === undefined) return undefined;
  if (!(await runsHere(first.pid, server.directory))) {
    // The process id belongs to another program now, and the file would prevent a start.
    await rm(join(server.directory, 'postmaster.pid'), { force: true });
    return undefined;
  }
  await waitUntil(
    async () => (await isSettled()) || !(await runsHere(first.pid, server.directory)),
    READY_MS,
  );
  return readPidFile(server.directory);
}

/** Lines of postmaster.pid: 1 process, 4 port, 8 state. */
async function readPidFile(directory: string): Promise<Running | undefined> {
  const text = await readFile(join(directory, 'postmaster.pid'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const lines = text.split('\n').map((line) => line.trim());
  return { pid: Math.abs(Number(lines[0])), port: Number(lines[3]), ready: lines[7] === 'ready' };
}

/** Identifies a server by its working directory, which is its data, or by its name where there is no /proc. */
async function runsHere(pid: number, directory: string): Promise<boolean> {
  if (process.platform !== 'linux') return (await commandLine(pid))?.includes('postgres') === true;
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  return (
    cwd !== undefined &&
    cwd === (await realpath(directory)) &&
    (await commandLine(pid)) !== undefined
  );
}

/** Stops the server. Open transactions are rolled back; a server that still runs after 30 s is shut down immediately. */
export async function stopPostgres(server: Cluster): Promise<void> {
  const fast = await runOn(server, 'pg_ctl', ['stop', '-s', '-w', '-t', '30', '-m', 'fast']);
  if (fast.code === 0 || (await findRunningPostgres(server)) === undefined) return;
  await runOn(server, 'pg_ctl', ['stop', '-s', '-w', '-t', '10', '-m', 'immediate']);
}
