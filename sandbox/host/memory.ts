/**
 * Measures from the host how much memory a kernel uses: its processes, and its tmpfs files. Ten times a second, so cheap reads
 * are synchronous and only expensive ones go to other threads.
 */
import { execFile } from 'node:child_process';
import { createReadStream, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { processTree, unlessEnded } from './processes.ts';

/** Of a /proc file of one process, which has a few lines. */
const MAX_FILE_BYTES = 4_096;
/** Of a file in memory, beside its content. */
const INODE_BYTES = 1_024;
/** A sender may exceed its buffer by one message, which is at most half of it. */
const SOCKET_BUFFERS = 1.5;
/** A mapping and a lock take four times as much of Linux's memory as their lines in /proc. */
const BYTES_A_LETTER = 4;

/**
 * Bytes in use by the processes in a folder of /proc and by their sockets, plus the files in `folders` as the kernel sees them
 * and what is `counted` already.
 * Resident sizes count pages that processes share after a fork once per process, so a sum above `limit` is corrected until it is
 * certain on which side of the limit the true sum is.
 */
export async function memoryInUse(
  { proc, pids, root, folders, own }: Watched,
  limit: number,
  counted = 0,
): Promise<number> {
  const processes = pids
    .map((pid) => ({ pid, ...pagesOf(`${proc}/${pid}`) }))
    .toSorted((one, other) => other.resident - one.resident);
  let used = counted + filesInUse(root, folders);
  if (own) used += socketBytes(`${proc}/${pids[0]}`);
  for (const { resident, tables } of processes) used += resident + tables;
  for (const { pid, resident } of processes) {
    if (used <= limit) break;
    used += (await proportionalBytes(`${proc}/${pid}`, resident)) - resident;
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
  /** These processes have namespaces of their own, so that what these hold is theirs. */
  own: boolean;
};

/** Memory of Linux for the lists of mappings and file locks of these processes, as far as `limit`. Costs milliseconds. */
export async function listBytes({ proc, pids, own }: Watched, limit: number): Promise<number> {
  if (!own) return 0;
  let letters = 0;
  for (const path of ['locks', ...pids.map((pid) => `${pid}/maps`)]) {
    const text = createReadStream(`${proc}/${path}`);
    try {
      for await (const chunk of text) {
        letters += (chunk as Buffer).length;
        if (letters * BYTES_A_LETTER > limit) return letters * BYTES_A_LETTER;
      }
    } catch {
      // It has ended.
    }
  }
  return letters * BYTES_A_LETTER;
}

/** All of the pid namespace of `pid`, which has a /proc of its own; undefined when that cannot be read. */
export function namespaceOf(pid: number, folders: readonly string[]): Watched | undefined {
  const root = `/proc/${pid}/root`;
  const names = unlessEnded(() => readdirSync(`${root}/proc`));
  const pids = names?.map(Number).filter(Number.isInteger);
  return pids && { proc: `${root}/proc`, pids, root, folders, own: true };
}

/** `pid` and its descendants, without files. */
export function treeOf(pid: number): Watched {
  return { proc: '/proc', pids: processTree(pid), root: '', folders: [], own: false };
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
    (sum, mount) =>
      sum +
      (mount
        ? (mount.blocks - mount.bfree) * mount.bsize + (mount.files - mount.ffree) * INODE_BYTES
        : 0),
    0,
  );
}

/** The most that the sockets in the network namespace of a process may hold, also those that no process has open. */
function socketBytes(folder: string): number {
  const sockets = unlessEnded(() => readFileSync(`${folder}/net/sockstat`, 'utf8')) ?? '';
  const buffer = unlessEnded(() => readFileSync('/proc/sys/net/core/wmem_default', 'utf8'));
  return (
    Number(/^sockets: used (\d+)$/m.exec(sockets)?.[1] ?? 0) * Number(buffer ?? 0) * SOCKET_BUFFERS
  );
}

/** Pages of a process, and the tables in which Linux looks them up. */
function pagesOf(folder: string): { resident: number; tables: number } {
  const status = unlessEnded(() => readFileSync(`${folder}/status`, 'utf8')) ?? '';
  return {
    resident: kilobytes(status, /^VmRSS:\s+(\d+) kB$/m),
    tables: kilobytes(status, /^VmPTE:\s+(\d+) kB$/m),
  };
}

/** Linux walks all pages of the process, so another thread waits for it. A small buffer: readFile makes one of 64 KiB. */
async function proportionalBytes(folder: string, resident: number): Promise<number> {
  try {
    await using file = await open(`${folder}/smaps_rollup`);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_FILE_BYTES));
    return kilobytes(buffer.toString('utf8', 0, bytesRead), /^Pss:\s+(\d+) kB$/m);
  } catch (error) {
    // It has ended, or it can hide its pages: then each counts.
    return ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '') ? resident : 0;
  }
}

function kilobytes(text: string, line: RegExp): number {
  return Number(line.exec(text)?.[1] ?? 0) * 1024;
}
