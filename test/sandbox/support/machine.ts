/**
 * What this machine can confine code with, found out without the sandbox's own code. A suite may skip what is not
 * installed; a sandbox that is installed and does not pass its own probe is a failure on every machine.
 */
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { SandboxStatus } from '../../../sandbox/index.ts';

export type Wanted = 'auto' | 'bubblewrap' | 'pyodide';

const BARE = '--unshare-all --ro-bind / / --proc /proc --dev /dev -- /usr/bin/python3 -c 1'.split(
  ' ',
);

/** Bubblewrap is there, and the system lets an ordinary user make namespaces. */
async function hasBubblewrap(): Promise<boolean> {
  const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  return succeeds(promisify(execFile)('/usr/bin/bwrap', BARE, { cwd: '/', env: {}, ...nobody }));
}

async function hasPyodide(): Promise<boolean> {
  const modules = new URL('../../../node_modules/', import.meta.url);
  return succeeds(Promise.all(['pyodide', '@deno'].map((name) => readdir(new URL(name, modules)))));
}

/**
 * False when there is no sandbox and that is a reason to skip, which is printed. Throws when there is none, or a weaker
 * one than was wanted, although this machine or continuous integration must have it.
 */
export async function mayRun(wanted: Wanted, status: SandboxStatus): Promise<boolean> {
  const used = status.behind ?? status.backend;
  if (status.ok && (used === wanted || (wanted === 'auto' && used === 'bubblewrap'))) return true;
  const why = status.reason ?? `It is ${used}.`;
  if (wanted !== 'pyodide' && (await hasBubblewrap())) {
    throw new Error(`bubblewrap is installed, but the sandbox does not use it. ${why}`);
  }
  if (!status.ok && wanted !== 'bubblewrap' && (await hasPyodide())) {
    throw new Error(`Pyodide is installed, but the sandbox does not use it. ${why}`);
  }
  if (!status.ok && process.env['CI']) throw new Error(`CI must have ${wanted}. ${why}`);
  if (!status.ok) console.warn(`Skipping tests that need the sandbox (${wanted}). ${why}`);
  return status.ok;
}

function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
