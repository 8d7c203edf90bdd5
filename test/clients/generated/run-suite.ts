/** openai-python's own tests of the endpoints that this server has, as its source distribution carries them. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { run } from '../../../embedded/processes.ts';
import { installed } from '../../support/installed.ts';
import { pythonWith } from '../../support/python.ts';
import { HERE } from '../scenario.ts';

const PYTEST = [
  'pytest==9.2.0',
  'pytest-asyncio==1.5.0',
  'inline-snapshot==0.36.1',
  'respx==0.23.1',
];
const TESTS = [
  'beta/test_assistants.py',
  'beta/test_threads.py',
  'beta/threads',
  'test_files.py',
  'test_uploads.py',
  'uploads',
  'test_vector_stores.py',
  'vector_stores',
  'test_models.py',
  'test_batches.py',
].map((name) => `tests/api_resources/${name}`);

/** `test`: its file below tests/api_resources, its class and its name. */
export type TestOutcome = {
  test: string;
  outcome: 'passed' | 'failed' | 'skipped';
  reason: string;
};

export async function runGeneratedSuite(version: string, url: string): Promise<TestOutcome[]> {
  const packages = [`openai[aiohttp]==${version}`, ...PYTEST];
  const python = await pythonWith(`generated-${version}`, packages);
  const folder = await mkdtemp(join(tmpdir(), 'threadmill-generated-'));
  const file = join(folder, 'outcomes');
  try {
    const options = ['-p', 'outcomes', '-o', 'addopts=', '-o', 'cache_dir=/dev/null', '-q'];
    const { stdout, stderr } = await run(python, ['-m', 'pytest', ...options, ...TESTS], {
      cwd: await source(python, version),
      env: {
        ...process.env,
        TEST_API_BASE_URL: url,
        OUTCOMES_FILE: file,
        PYTHONPATH: join(HERE, 'python'),
        PYTHONDONTWRITEBYTECODE: '1',
      },
    });
    const lines = await readFile(file, 'utf8').catch(() => {
      throw new Error(`pytest ran no test: ${stdout}${stderr}`);
    });
    return lines
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as TestOutcome);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The distribution's folder. Nothing of it is part of this repository. */
async function source(python: string, version: string): Promise<string> {
  const into = await installed(`openai-python-source-${version}`, async (directory) => {
    const what = ['--no-deps', '--no-binary', 'openai', `openai==${version}`];
    const flags = ['--quiet', '--disable-pip-version-check', '--dest', directory];
    await done(python, ['-m', 'pip', 'download', ...flags, ...what]);
    const archive = (await readdir(directory)).find((name) => name.endsWith('.tar.gz'));
    await done('tar', ['-xzf', join(directory, archive ?? ''), '-C', directory]);
  });
  return join(into, `openai-${version}`);
}

async function done(program: string, args: string[]): Promise<void> {
  const { code, stderr } = await run(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}
