/** A Python with the official client, in a virtual environment outside the checkout that is built once. */
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { cacheDir, exists } from '../../embedded/files.ts';
import { commandLine, run, waitUntil } from '../../embedded/processes.ts';

const OPENAI = '3.54.0';
/** The system's own first: the others may be version managers' shims. */
const PYTHONS = [
  '/usr/bin/python3',
  'python3',
  'python3.14',
  'python3.13',
  'python3.12',
  'python3.11',
  'python3.10',
];
const BUILD_MS = 170_000;

/** Path of a Python that can `import openai`. The first call on a computer takes about 20 seconds. */
export async function pythonWithOpenai(): Promise<string> {
  const directory = join(cacheDir(), `python-openai-${OPENAI}`);
  const python = join(directory, 'bin', 'python');
  const complete = join(directory, 'complete');
  if (await exists(complete)) return python;
  const unlock = await lock(`${directory}.lock`);
  try {
    if (await exists(complete)) return python; // another test file built it meanwhile
    await build(directory);
    await writeFile(complete, '');
    return python;
  } finally {
    await unlock();
  }
}

async function build(directory: string): Promise<void> {
  const failures: string[] = [];
  for (const base of PYTHONS) {
    await rm(directory, { recursive: true, force: true });
    const created = await run(base, ['-m', 'venv', directory]);
    const pip = [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      `openai==${OPENAI}`,
    ];
    const result = created.code === 0 ? await run(join(directory, 'bin', 'python'), pip) : created;
    if (result.code === 0) return;
    failures.push(`${base}: ${(result.stderr || result.stdout).trim().split('\n').at(-1)}`);
  }
  throw new Error(
    `No Python could install openai ${OPENAI}. Install python3-venv. ${failures.join('; ')}`,
  );
}

/** One builder at a time. A lock whose holder is gone is taken over. */
async function lock(path: string): Promise<() => Promise<void>> {
  await mkdir(dirname(path), { recursive: true });
  const take = async () => {
    const file = await open(path, 'wx').catch(() => undefined);
    if (file === undefined) {
      const holder = Number(await readFile(path, 'utf8').catch(() => ''));
      if (holder > 0 && (await commandLine(holder)) === undefined) await rm(path, { force: true });
      return false;
    }
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  };
  if (!(await waitUntil(take, BUILD_MS, 100)))
    throw new Error(`${path} is held for too long; delete it.`);
  return () => rm(path, { force: true });
}
