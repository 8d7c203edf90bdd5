import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { createSandbox, SandboxUnavailableError } from '../../sandbox/index.ts';
import type { SandboxOptions, SandboxStatus } from '../../sandbox/index.ts';
import { launchHint } from '../../sandbox/host/setup.ts';
import { logsOf, openSandbox, PYTHON, withStore } from './support/index.ts';
import { mayRun } from './support/machine.ts';
import { StateStore } from './support/state-store.ts';

const options: SandboxOptions = {
  backend: 'bubblewrap',
  python: PYTHON,
  cellSoftSeconds: 5,
  cellHardSeconds: 6,
};
const INSTALL =
  'apt-get install bubblewrap python3 python3-numpy python3-pandas python3-matplotlib fonts-noto-cjk';

test('a sandbox that is switched off refuses cells and says so', async () => {
  await using sandbox = await createSandbox({ ...options, backend: 'none' });
  expect(sandbox.status).toEqual({
    backend: 'none',
    ok: false,
    reason: 'The sandbox is switched off.',
    packages: [],
    guarantees: [],
  });
  await expect(withStore(sandbox, new StateStore()).runCell('a', '1')).rejects.toThrow(
    SandboxUnavailableError,
  );
  await sandbox.dropInterpreter('a');
});

test.each(['/usr/bin/no-such-python', 'python3'])(
  'without a Python at %s it names what to install',
  async (python) => {
    const { status } = await createSandbox({ ...options, python });
    expect(status.ok).toBe(false);
    expect(status.reason).toContain(python);
    expect(status.reason).toContain(INSTALL);
  },
);

test.each([
  [
    'bwrap: No permissions to create new namespace',
    /apparmor_restrict_unprivileged_userns[^]*seccomp/,
  ],
  ['bwrap: setting up uid map: Permission denied', /unprivileged_userns_clone/],
  ["bwrap: Can't mount proc on /newroot/proc: Operation not permitted", /systempaths=unconfined/],
  ['setpriv: setresuid failed: Invalid argument', /as an ordinary user/],
  ['something else', /apt-get install/],
])('a launcher that says "%s" is met with a remedy', (printed, remedy) => {
  expect(launchHint(printed)).toMatch(remedy);
});

const NO_BUBBLEWRAP = ['--ro-bind', '/dev/null', '/usr/bin/bwrap'];
const usual = await openSandbox();
await usual[Symbol.asyncDispose]();

describe.skipIf(!usual.status.ok)('a machine that has everything', () => {
  test('gets a status that says what was tested', () => {
    expect(usual.status).toMatchObject({ backend: 'bubblewrap', ok: true });
    expect(usual.status.guarantees).toContain('has no network');
    expect(usual.status.guarantees.length).toBeGreaterThanOrEqual(3);
    expect(usual.status.packages.every((entry) => /^\w+ \d+\.\d/.test(entry))).toBe(true);
  });

  test('fails the suites when its own check of the sandbox fails, or when it uses a weaker one', async () => {
    const failed = { ...usual.status, ok: false, reason: 'A check failed: has no network.' };
    for (const wanted of ['auto', 'bubblewrap', 'pyodide'] as const) {
      await expect(mayRun(wanted, failed)).rejects.toThrow('A check failed: has no network.');
    }
    const weaker = { ...usual.status, backend: 'pyodide' } as const;
    await expect(mayRun('auto', weaker)).rejects.toThrow('bubblewrap is installed');
  });

  test('may lend a virtual environment, but no folder that is none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'threadmill-venv-'));
    await promisify(execFile)('/usr/bin/python3', [
      '-m',
      'venv',
      '--without-pip',
      '--symlinks',
      join(folder, 'venv'),
    ]);
    await promisify(execFile)('chmod', ['755', folder]);
    await using sandbox = await openSandbox({ python: join(folder, 'venv/bin/python3') });
    expect(await logsOf(sandbox, 'venv', 'import sys\nsys.prefix')).toBe(`'${folder}/venv'\n`);
    await writeFile(join(folder, 'secret'), '');
    expect(await logsOf(sandbox, 'venv', `import os\nos.listdir('${folder}')`)).toBe("['venv']\n");
    await symlink(PYTHON, join(folder, 'python3'));
    const { status } = await createSandbox({ ...options, python: join(folder, 'python3') });
    expect(status.reason).toMatch(/virtual environment/);
    await rm(folder, { recursive: true });
  });

  /** What a sandbox says on a machine changed by bubblewrap itself. */
  async function statusWithin(
    backend: SandboxOptions['backend'],
    ...changes: string[]
  ): Promise<SandboxStatus> {
    const script = new URL('support/print-status.ts', import.meta.url).pathname;
    const args = [
      '--dev-bind',
      '/',
      '/',
      '--unshare-user',
      '--uid',
      '1000',
      '--gid',
      '1000',
      ...changes,
    ];
    const { stdout } = await promisify(execFile)('/usr/bin/bwrap', [
      ...args,
      '--',
      process.execPath,
      script,
      backend,
    ]);
    return JSON.parse(stdout) as SandboxStatus;
  }

  test('without bubblewrap names what to install', async () => {
    const { ok, reason } = await statusWithin('bubblewrap', ...NO_BUBBLEWRAP);
    expect(ok).toBe(false);
    expect(reason).toContain(INSTALL);
  });

  test('without bubblewrap uses Pyodide, and says why', async () => {
    const status = await statusWithin('auto', ...NO_BUBBLEWRAP);
    expect(status).toMatchObject({ backend: 'pyodide', ok: true });
    expect(status.guarantees).toContain('has no network');
    expect(status.reason).toMatch(/^bubblewrap is not used\. /);
    expect(status.reason).toContain(INSTALL);
  });

  test('without bubblewrap and without Pyodide names how to get either', async () => {
    const pyodide = new URL('../../node_modules/pyodide', import.meta.url).pathname;
    const { ok, reason } = await statusWithin('auto', ...NO_BUBBLEWRAP, '--tmpfs', pyodide);
    expect(ok).toBe(false);
    expect(reason).toContain(INSTALL);
    expect(reason).toContain('npm install --ignore-scripts --include=optional');
  });

  test('may be told to use Pyodide all the same', async () => {
    expect(await statusWithin('pyodide')).toMatchObject({ backend: 'pyodide', ok: true });
  });

  test('that blocks user namespaces names how to allow them', async () => {
    const { ok, reason } = await statusWithin('bubblewrap', '--disable-userns');
    expect(ok).toBe(false);
    expect(reason).toMatch(
      /^The sandbox did not start: .*[^]*sysctl kernel\.apparmor_restrict_unprivileged_userns=0/,
    );
  });
});
