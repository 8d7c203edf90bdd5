import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { residentByPs } from '../../sandbox/host/memory.ts';
import { limitsOf } from '../../sandbox/index.ts';
import { preparePyodide } from '../../sandbox/pyodide/backend.ts';
import { openSandbox, PYTHON } from './support/index.ts';

const plain = await openSandbox({ backend: 'pyodide' });
await plain[Symbol.asyncDispose]();

const TIMES = { cellSoftSeconds: 20, cellHardSeconds: 25 };

/** Makes a wheel of one module, with the system's Python. */
async function makeWheel(folder: string, file: string, module: string, source: string) {
  const script = `
import sys, zipfile
path, module, source = sys.argv[1:]
with zipfile.ZipFile(path, 'w') as wheel:
    wheel.writestr(f'{module}/__init__.py', source)
    wheel.writestr(f'{module}-1.0.dist-info/METADATA', f'Metadata-Version: 2.1\\nName: {module}\\nVersion: 1.0\\n')
`;
  await promisify(execFile)(PYTHON, ['-c', script, join(folder, file), module, source]);
}

test('the memory of a process is known without /proc too', async () => {
  const bytes = await residentByPs(process.pid);
  expect(bytes).toBeGreaterThan(process.memoryUsage.rss() / 2);
  expect(await residentByPs(2 ** 22 - 1)).toBe(0);
});

describe.skipIf(!plain.status.ok)('Pyodide', () => {
  const folders: string[] = [];
  afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

  test('offers the wheels of a folder that can be imported, and says what is wrong with others', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'threadmill-wheels-'));
    folders.push(folder);
    await makeWheel(folder, 'tm_base-1.0-py3-none-any.whl', 'tm_base', 'VALUE = 41');
    await makeWheel(
      folder,
      'tm_top-1.0-py3-none-any.whl',
      'tm_top',
      'import tm_base\nVALUE = tm_base.VALUE + 1',
    );
    await makeWheel(folder, 'tm_broken-1.0-py3-none-any.whl', 'tm_broken', 'import not_there');
    await makeWheel(folder, 'tm_c-1.0-cp311-cp311-linux_x86_64.whl', 'tm_c', '');
    await writeFile(join(folder, 'no wheel.whl'), 'x');
    const problems: unknown[] = [];
    await using sandbox = await openSandbox({
      backend: 'pyodide',
      wheels: folder,
      log: (_, fields) => problems.push(fields?.['problem']),
    });
    expect(sandbox.status.packages).toEqual(['tm-base 1.0', 'tm-top 1.0']);
    expect(problems.join('\n')).toMatch(/tm_broken.*No module named 'not_there'/);
    expect(problems.join('\n')).toMatch(/tm_c.*another platform/);
    expect(problems.join('\n')).toMatch(/no wheel.*not the name of a wheel/);
    const { logs } = await sandbox.runCell('wheels', 'import tm_top\ntm_top.VALUE');
    expect(logs).toBe('42\n');
    // Made for this folder alone.
    const limits = limitsOf({ backend: 'pyodide', python: PYTHON, ...TIMES });
    const { directory } = await preparePyodide(limits, folder);
    folders.push(dirname(directory.readable));
    const metadata = 'import importlib.metadata\nimportlib.metadata.version("tm_top")';
    expect((await sandbox.runCell('wheels', metadata)).logs).toBe("'1.0'\n");
  });

  test.runIf(process.platform === 'linux')(
    'runs as nobody who could do anything, and ends with its worker',
    async () => {
      const script = new URL('support/hold-pyodide.ts', import.meta.url).pathname;
      const worker = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = (await once(worker.stdout, 'data')) as [Buffer];
      const pid = Number(line.toString());
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      expect(status).toMatch(/^CapEff:\t0+$/m);
      if (process.getuid?.() === 0) expect(status).not.toMatch(/^[UG]id:.*\t0\b/m);
      expect(status).toMatch(/^Groups:\s*$/m);
      const limits = await readFile(`/proc/${pid}/limits`, 'utf8');
      expect(limits).toMatch(/^Max file size +0 +0/m);
      expect(limits).toMatch(/^Max core file size +0 +0/m);
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
      expect(environment.split('\0').map((entry) => entry.split('=')[0])).toEqual(
        expect.arrayContaining(['PATH', 'DENO_DIR']),
      );
      expect(environment).not.toMatch(/THREADMILL|KEY|TOKEN|DATABASE/);

      worker.kill('SIGKILL');
      await expect.poll(() => readdir('/proc')).not.toContain(String(pid));
    },
  );
});
