/**
 * Measures from the host how much memory a kernel uses: its processes, and its tmpfs files. Ten times a second, so cheap reads
 * are synchronous and only expensive ones go to other threads.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statfsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { processTree, unlessEnded } from './processes.ts';

/** Of a /proc file of one process, which has a few lines. */
const MAX_FILE_BYTES = 4_096;

/**
 * Bytes in use by the processes in a folder of /proc, plus the files in `folders` as the kernel sees them.
 * Resident sizes count pages that processes share after a fork once per process, so a sum above `limit` is corrected until it is
 * certain on which side of the limit the true sum is.
 */
export async function memoryInUse(
  { proc, pids, root, folders }: Watched,
  limit: number,
): Promise<number> {
  const resident = pids
    .map((pid) => ({ pid, bytes: residentBytes(`${proc}/${pid}`) }))
    .toSorted((one, other) => other.bytes - one.bytes);
  let used = filesInUse(root, folders) + resident.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { pid, bytes } of resident) {
    if (used <= limit) break;
    used += (await proportionalBytes(`${proc}/${pid}`)) - bytes;
  }
  return used;
}

/** The processes and files that are measured. */
export type Watched = {
  /** A mount of /proc, and processes by the ids they have there. */
  proc: string;
  pids: readonly number[];
  /** The folder that the kernel sees as `/`, and folders in it that are mounts. */
  root: string;
  folders: readonly string[];
};

/** All of the pid namespace of `pid`, which has a /proc of its own; undefined when that cannot be read. */
export function namespaceOf(pid: number, folders: readonly string[]): Watched | undefined {
  const root = `/proc/${pid}/root`;
  const names = unlessEnded(() => readdirSync(`${root}/proc`));
  const pids = names?.map(Number).filter(Number.isInteger);
  return pids && { proc: `${root}/proc`, pids, root, folders };
}

/** `pid` and its descendants, without files. */
export function treeOf(pid: number): Watched {
  return { proc: '/proc', pids: processTree(pid), root: '', folders: [] };
}

/** Resident bytes of one process, on systems without /proc; 0 when it has ended. */
export async function residentByPs(pid: number): Promise<number> {
  const answer = promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)]);
  return answer.then(
    ({ stdout }) => Number(stdout) * 1024,
    () => 0,
  );
}

function filesInUse(root: string, folders: readonly string[]): number {
  const mounts = folders.map((folder) => unlessEnded(() => statfsSync(`${root}${folder}`)));
  return mounts.reduce(
    (sum, mount) => sum + (mount ? (mount.blocks - mount.bfree) * mount.bsize : 0),
    0,
  );
}

function residentBytes(folder: string): number {
  const status = unlessEnded(() => readFileSync(`${folder}/status`, 'utf8')) ?? '';
  return kilobytes(status, /^VmRSS:\s+(\d+) kB$/m);
}

/** Linux walks all pages of the process, so another thread waits for it. A small buffer: readFile makes one of 64 KiB. */
async function proportionalBytes(folder: string): Promise<number> {
  try {
    await using file = await open(`${folder}/smaps_rollup`);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_FILE_BYTES));
    return kilobytes(buffer.toString('utf8', 0, bytesRead), /^Pss:\s+(\d+) kB$/m);
  } catch {
    return 0; // it has ended
  }
}

function kilobytes(text: string, line: RegExp): number {
  return Number(line.exec(text)?.[1] ?? 0) * 1024;
}
