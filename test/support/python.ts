/** Pythons with packages, in virtual environments outside the checkout that are made once. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { run } from '../../embedded/processes.ts';
import { installed } from './installed.ts';

export const OPENAI_PYTHON = '3.54.0';
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

/** Path of a Python that can `import openai`. The first call on a computer takes about 20 seconds. */
export function pythonWithOpenai(version = OPENAI_PYTHON): Promise<string> {
  return pythonWith(`openai-${version}`, [`openai==${version}`]);
}

/** Path of a Python with packages, named exactly: `name==version`. `name` stands for all of them. */
export async function pythonWith(name: string, requirements: string[]): Promise<string> {
  const directory = await installed(`python-${name}`, (into) => build(into, requirements));
  return join(directory, 'bin', 'python');
}

async function build(directory: string, requirements: string[]): Promise<void> {
  const failures: string[] = [];
  for (const base of PYTHONS) {
    await rm(directory, { recursive: true, force: true });
    const created = await run(base, ['-m', 'venv', directory]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...requirements];
    const result = created.code === 0 ? await run(join(directory, 'bin', 'python'), pip) : created;
    if (result.code === 0) return;
    failures.push(`${base}: ${(result.stderr || result.stdout).trim().split('\n').at(-1)}`);
  }
  throw new Error(
    `No Python could install ${requirements.join(', ')}. Install python3-venv. ${failures.join('; ')}`,
  );
}
