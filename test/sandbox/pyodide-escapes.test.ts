import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { SandboxBackend } from '../../sandbox/backend.ts';
import { limitsOf } from '../../sandbox/index.ts';
import { probe } from '../../sandbox/probe.ts';
import { preparePyodide, pyodideBackend } from '../../sandbox/pyodide/backend.ts';
import { INVENTORY, pyodideChecks } from '../../sandbox/pyodide/checks.ts';
import { denoArguments } from '../../sandbox/pyodide/launch.ts';
import type { ReadResult } from './support/index.ts';
import { UNWATCHED } from './support/backends.ts';
import { openSandbox, PYTHON } from './support/index.ts';
import { escapeProbes, tryToEscape } from './support/escapes.ts';
import type { Attempt } from './support/pyodide-escapes.ts';
import { attempts, cellOf, openTargets } from './support/pyodide-escapes.ts';

const host = await openTargets();
// Of Debian's package mesa-vulkan-drivers, for example.
const drivers = await readdir('/usr/share/vulkan/icd.d').catch(() => []);
const sandbox = await openSandbox({ backend: 'pyodide' });
const ATTEMPTS = attempts(host);
const limits = limitsOf({
  backend: 'pyodide',
  python: PYTHON,
  cellSoftSeconds: 10,
  cellHardSeconds: 20,
});

/** An attempt that merely is wrong must not pass for one that was refused. */
const REASONS = new RegExp(
  [
    'refused without an error',
    'Requires .* access',
    'requires unscoped',
    '--no-npm',
    'Error: denied',
    'EPERM',
    'EBADF',
    'ERR_WORKER_UNSUPPORTED_OPERATION',
    'max 0', // of databases
    'failed to open preopen',
    'Failed to create cache storage',
    "hostPath '/' does not exist",
    'not a valid package name',
    'Error: no$',
    'none written',
    'nothing happened',
    '(localStorage|Deno.openKv|Deno.listenDatagram|op_fs_read_file_sync|internalModuleReadJSON) is not',
    'Host is unreachable',
    'not available in browser environments',
    'cannot start processes',
    'Function not implemented',
    'Exec format error',
    'No such file or directory',
    "can't start new thread",
    'none found', // of graphics processors
    "reading 'requestAdapter'", // deleted
    'Illegal invocation|expected GPU',
  ].join('|'),
  'm',
);

describe.skipIf(!sandbox.status.ok)('code in Pyodide cannot', () => {
  const results = new Map<Attempt, ReadResult>();
  /** Tried once, by whichever test asks first. */
  const resultOf = async (attempt: Attempt): Promise<ReadResult> => {
    const result = results.get(attempt) ?? (await sandbox.runCell('escapes', cellOf(attempt)));
    results.set(attempt, result);
    return result;
  };
  afterAll(async () => {
    await sandbox[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  test.each(ATTEMPTS.map((attempt) => [attempt.name, attempt] as const))(
    '%s',
    async (_, attempt) => {
      const { status, logs } = await resultOf(attempt);
      // Some are such a surprise to Deno that it ends.
      if (status === 'died') return expect(logs).toMatch(/fatal error|The Python process ended/);
      expect(logs).toMatch(/^refused/m);
      expect(logs).toMatch(REASONS);
    },
  );

  test(
    'make a canary appear anywhere, in at least 120 attempts',
    { timeout: 300_000 },
    async () => {
      expect(ATTEMPTS.length).toBeGreaterThanOrEqual(120);
      for (const attempt of ATTEMPTS) {
        const { logs } = await resultOf(attempt);
        expect(logs).not.toContain(host.token);
        expect(logs).not.toContain('ESCAPED');
      }
      expect(host.connections).toEqual([]);
      expect(await readdir(host.writable)).toEqual([]);
    },
  );

  test('learn where the server lies', async () => {
    const code = `from pyodide.code import run_js
print(run_js('JSON.stringify([Deno.args, Deno.cwd(), Deno.execPath(), process.argv])'))`;
    const { logs } = await sandbox.runCell('escapes', code);
    expect(logs).toContain('/pyodide-');
    expect(logs).not.toContain(process.cwd());
  });
});

describe.skipIf(!sandbox.status.ok)('the probes of every backend', () => {
  test('find no way out of Pyodide either', async () => {
    const own = await openTargets();
    const kernel = await pyodideBackend(await preparePyodide(limits), limits).start();
    const probes = escapeProbes(own).filter(({ on }) => on === 'any');
    const findings = await tryToEscape(kernel, probes, own.token);
    expect(findings.filter(({ escaped }) => escaped)).toEqual([]);
    expect(findings.length).toBeGreaterThanOrEqual(20);
    await kernel.kill('The test has ended.');
    await own[Symbol.asyncDispose]();
  });
});

describe.skipIf(!sandbox.status.ok)('a weaker Deno, without bubblewrap around it', () => {
  const weaker = async (change: (argument: string) => string[], launch: object = {}) => {
    const pyodide = await preparePyodide(limits);
    const args = denoArguments(pyodide.directory.readable, 'main.mjs').flatMap(change);
    const alone = { ...pyodide, launch: { ...pyodide.launch, enclosure: undefined, ...launch } };
    return pyodideBackend(alone, { ...limits, ...UNWATCHED }, args);
  };
  const isSeen = async (backend: SandboxBackend, name: string): Promise<boolean> => {
    const own = await openTargets();
    const attempt = attempts(own).find((candidate) => candidate.name === name);
    if (attempt === undefined) throw new Error(`There is no attempt to ${name}.`);
    const kernel = await backend.start();
    const { outputs } = await kernel.run(cellOf(attempt));
    const escaped = JSON.stringify(outputs).includes('ESCAPED');
    const traces = [...own.connections, ...(await readdir(own.writable))];
    await kernel.kill('The test has ended.');
    await own[Symbol.asyncDispose]();
    return escaped || traces.length > 0;
  };

  test.each([
    ['read', 'read a file'],
    ['read', 'import a file as JSON'],
    ['write', 'write a file'],
    ['net', 'connect'],
    ['net', 'fetch'],
    ['env', 'read the environment'],
    ['run', 'run a program'],
    ['sys', 'ask for its user'],
    ['ffi', 'load a library'],
  ])(
    'with the right to %s is caught by the attempt to %s, and before by the probe',
    async (right, name) => {
      const backend = await weaker((argument) =>
        argument.startsWith(`--deny-${right}`) || argument.startsWith(`--allow-${right}=`)
          ? [`--allow-${right}`]
          : [argument],
      );
      const found = await probe(backend, { checks: pyodideChecks, inventory: INVENTORY });
      expect(found.reason).toMatch(/was allowed/);
      expect(await isSeen(backend, name)).toBe(true);
    },
  );

  test.skipIf(drivers.length === 0)(
    'that may load drivers is caught by the attempt to use one, and before by the probe',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'threadmill-weakened-'));
      await chmod(folder, 0o755);
      const launcher = join(folder, 'setpriv');
      const script = '#!/bin/sh\nunset DENO_WEBGPU_BACKEND\nexec /usr/bin/setpriv "$@"\n';
      await writeFile(launcher, script, { mode: 0o755 });
      const backend = await weaker((argument) => [argument], { setpriv: launcher });
      const found = await probe(backend, { checks: pyodideChecks, inventory: INVENTORY });
      expect(found.reason).toMatch(/graphics processor/);
      expect(await isSeen(backend, 'use a graphics processor from another thread')).toBe(true);
      await rm(folder, { recursive: true });
    },
  );
});

describe.skipIf(sandbox.status.limitations?.[0]?.includes('bubblewrap') !== true)(
  'bubblewrap around a Deno that has every right',
  () => {
    test('keeps in all that the same attempts try', { timeout: 300_000 }, async () => {
      const own = await openTargets();
      const pyodide = await preparePyodide(limits);
      const args = denoArguments(pyodide.directory.readable, 'main.mjs')
        .filter((argument) => !/^--(deny|allow)-/.test(argument))
        .toSpliced(1, 0, '--allow-all');
      const backend = pyodideBackend(pyodide, limits, args);
      let kernel = await backend.start();
      for (const attempt of attempts(own)) {
        const { outputs } = await kernel.run(cellOf(attempt));
        expect(JSON.stringify(outputs), attempt.name).not.toContain(own.token);
        expect(JSON.stringify(outputs), attempt.name).not.toContain("'adapter'");
        if (!kernel.alive) kernel = await backend.start();
      }
      expect(own.connections).toEqual([]);
      expect(await readdir(own.writable)).toEqual([]);
      await kernel.kill('The test has ended.');
      await own[Symbol.asyncDispose]();
    });
  },
);
