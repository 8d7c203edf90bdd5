import { readdir } from 'node:fs/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { limitsOf } from '../../sandbox/index.ts';
import { probe } from '../../sandbox/probe.ts';
import { preparePyodide, pyodideBackend } from '../../sandbox/pyodide/backend.ts';
import { INVENTORY, pyodideChecks } from '../../sandbox/pyodide/checks.ts';
import { denoArguments } from '../../sandbox/pyodide/launch.ts';
import type { ReadResult } from './support/index.ts';
import { openSandbox, PYTHON } from './support/index.ts';
import { escapeProbes, tryToEscape } from './support/escapes.ts';
import type { Attempt } from './support/pyodide-escapes.ts';
import { attempts, cellOf, openTargets } from './support/pyodide-escapes.ts';

const host = await openTargets();
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

  test('make a canary appear anywhere, in at least 60 attempts', { timeout: 300_000 }, async () => {
    expect(ATTEMPTS.length).toBeGreaterThanOrEqual(60);
    for (const attempt of ATTEMPTS) {
      const { logs } = await resultOf(attempt);
      expect(logs).not.toContain(host.token);
      expect(logs).not.toContain('ESCAPED');
    }
    expect(host.connections).toEqual([]);
    expect(await readdir(host.writable)).toEqual([]);
  });

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

describe.skipIf(!sandbox.status.ok)('a Deno with one right too many', () => {
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
  ])('to %s is caught by the attempt to %s, and before by the probe', async (right, name) => {
    const own = await openTargets();
    const pyodide = await preparePyodide(limits);
    const args = denoArguments(pyodide.directory.readable, 'main.mjs').map((argument) =>
      argument.startsWith(`--deny-${right}`) || argument.startsWith(`--allow-${right}=`)
        ? `--allow-${right}`
        : argument,
    );
    const backend = pyodideBackend(pyodide, limits, args);
    const found = await probe(backend, { checks: pyodideChecks, inventory: INVENTORY });
    expect(found.reason).toMatch(/was allowed/);

    const attempt = attempts(own).find((candidate) => candidate.name === name);
    if (attempt === undefined) throw new Error(`There is no attempt to ${name}.`);
    const kernel = await backend.start();
    const { outputs } = await kernel.run(cellOf(attempt));
    const told = JSON.stringify(outputs).includes('ESCAPED');
    const seen = [told, ...own.connections, ...(await readdir(own.writable))];
    expect(seen).not.toEqual([false]);
    await kernel.kill('The test has ended.');
    await own[Symbol.asyncDispose]();
  });
});
