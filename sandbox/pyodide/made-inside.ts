/** Files of the kernel directory that Pyodide itself makes. */
import { once } from 'node:events';
import type { Contents } from './contents.ts';
import type { Pyodide } from './launch.ts';
import { denoArguments, launchDeno } from './launch.ts';

/** Long enough to import all wheels. */
const SECONDS = 180;
const MAX_BYTES = 256 * 1024 * 1024;
const SNAPSHOT = 'snapshot.bin';
export const WHEEL_INDEX = 'wheels.json';

/** The snapshot that makes starts fast. Undefined when it cannot be made: it is an unofficial part of Pyodide. */
export async function makeSnapshot(pyodide: Pyodide): Promise<Contents> {
  const snapshot = await outputOf(pyodide, 'make-snapshot.mjs');
  return new Map(snapshot === undefined ? [] : [[SNAPSHOT, snapshot]]);
}

/** The modules that can be imported from the wheels: JSON, see wheels.py. */
export async function indexWheels(pyodide: Pyodide): Promise<Contents> {
  const index = await outputOf(pyodide, 'index-wheels.mjs');
  return new Map(index === undefined ? [] : [[WHEEL_INDEX, index]]);
}

/** The output of the script; undefined when it fails. */
async function outputOf(
  { directory, launch }: Pyodide,
  script: string,
): Promise<Buffer | undefined> {
  const args = denoArguments(directory.readable, script);
  const child = launchDeno(directory, args, { ...launch, stdio: ['ignore', 'pipe', 'ignore'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), SECONDS * 1_000);
  const chunks: Buffer[] = [];
  let length = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_BYTES) child.kill('SIGKILL');
  });
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return code === 0 ? Buffer.concat(chunks) : undefined;
  } catch {
    return undefined; // it did not even start
  } finally {
    clearTimeout(timer);
  }
}
