/** How much memory a kernel uses, seen from the host: the processes below its first one, and its tmpfs files. */
import { execFile } from 'node:child_process';
import { readFile, statfs } from 'node:fs/promises';
import { promisify } from 'node:util';
import { processTree } from './processes.ts';

/**
 * Bytes in use by the process tree under `pid`, plus the files in `folders` as the kernel sees them.
 * Resident sizes count pages shared after a fork once per process, so only a sum above `limit` is measured exactly.
 */
export async function memoryInUse(
  pid: number,
  folders: readonly string[],
  limit: number,
): Promise<number> {
  const pids = await processTree(pid);
  // Not the first process: its root is the host's.
  const files = pids[1] === undefined ? 0 : await filesInUse(pids[1], folders);
  const resident = await sum(pids, residentBytes);
  if (files + resident <= limit) return files + resident;
  return files + (await sum(pids, proportionalBytes));
}

/** Resident bytes of one process, on systems without /proc; 0 when it has ended. */
export async function residentByPs(pid: number): Promise<number> {
  const answer = promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)]);
  return answer.then(
    ({ stdout }) => Number(stdout) * 1024,
    () => 0,
  );
}

/** The kernel's mounts are reached through the root of one of its own processes. */
async function filesInUse(pid: number, folders: readonly string[]): Promise<number> {
  return sum(folders, async (folder) => {
    try {
      const { blocks, bfree, bsize } = await statfs(`/proc/${pid}/root${folder}`);
      return (blocks - bfree) * bsize;
    } catch {
      return 0; // the process has ended
    }
  });
}

async function residentBytes(pid: number): Promise<number> {
  return kilobytes(await read(`/proc/${pid}/status`), /^VmRSS:\s+(\d+) kB$/m);
}

async function proportionalBytes(pid: number): Promise<number> {
  return kilobytes(await read(`/proc/${pid}/smaps_rollup`), /^Pss:\s+(\d+) kB$/m);
}

function kilobytes(text: string, line: RegExp): number {
  return Number(line.exec(text)?.[1] ?? 0) * 1024;
}

async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

async function sum<T>(items: readonly T[], measure: (item: T) => Promise<number>): Promise<number> {
  const values = await Promise.all(items.map(measure));
  return values.reduce((total, value) => total + value, 0);
}
