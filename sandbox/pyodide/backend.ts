/**
 * Python as WebAssembly (Pyodide) in Deno, for machines without CPython in bubblewrap. Deno confines it, with the permission to
 * read one folder and no other; V8 is around it and, on Linux, limits and an account without rights, and bubblewrap if it works.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Limits, SandboxBackend } from '../backend.ts';
import { KernelStartError } from '../backend.ts';
import { sandboxIdentity } from '../host/identity.ts';
import { kernelBackend } from '../kernel/kernel.ts';
import { denoChannel } from './channel.ts';
import { kernelDirectory } from './directory.ts';
import { findEnclosure } from './enclosure.ts';
import type { Pyodide } from './launch.ts';
import { denoArguments, findWrappers, launchDeno } from './launch.ts';
import { indexWheels, makeSnapshot, WHEEL_INDEX } from './made-inside.ts';
import { findParts } from './parts.ts';

/** Packages that the wheels give, and why some wheels give none. */
export type Packages = { packages: string[]; problems: string[] };

/** The share of Python's own memory. V8, Deno and files take the rest. */
const PYTHON_SHARE = 0.5;
const MOST_BYTES = 1_536 * 1024 * 1024;

/** Finds the packages and makes the kernel directory, which takes seconds the first time. Throws SetupError. */
export async function preparePyodide(limits: Limits, wheels?: string): Promise<Pyodide & Packages> {
  const identity = await sandboxIdentity();
  const parts = await findParts();
  const enclosure = await findEnclosure(join(parts.deno.folder, 'deno'), identity);
  const wrappers = { ...(await findWrappers()), enclosure };
  const launch = { ...wrappers, ...(identity === undefined ? {} : { identity }) };
  const memoryBytes = Math.min(limits.memoryBytes * PYTHON_SHARE, MOST_BYTES);
  const ingredients = { ...parts, memoryBytes, wheels };
  const steps = wheels === undefined ? [makeSnapshot] : [makeSnapshot, indexWheels];
  const directory = await kernelDirectory(
    ingredients,
    steps.map((step) => (unfinished) => step({ directory: unfinished, launch })),
  );
  const offered = wheels === undefined ? undefined : await readIndex(directory.readable);
  return { directory, launch, ...(offered ?? { packages: [], problems: [] }) };
}

async function readIndex(readable: string): Promise<Packages> {
  const text = await readFile(join(readable, WHEEL_INDEX), 'utf8').catch(() => undefined);
  const problems = ['the wheels could not be read'];
  return text === undefined ? { packages: [], problems } : (JSON.parse(text) as Packages);
}

/** Starts kernels one after another: two at once take twice as long each. */
export function pyodideBackend(
  { directory, launch }: Pyodide,
  limits: Limits,
  args: string[] = denoArguments(directory.readable, 'main.mjs'),
): SandboxBackend {
  let last: Promise<unknown> = Promise.resolve();
  const launchOne = async (signal?: AbortSignal) => {
    signal?.throwIfAborted();
    const child = launchDeno(directory, args, { ...launch, stdio: ['pipe', 'pipe', 'pipe'] });
    if (child.pid !== undefined) return denoChannel(child);
    const [cause] = (await once(child, 'error')) as [Error];
    throw new KernelStartError(cause.message, { cause });
  };
  return kernelBackend(async (signal) => {
    const launched = last.then(() => launchOne(signal));
    last = launched.then(({ started }) => started).catch(() => {});
    return { channel: await launched, limits };
  });
}
