import { afterAll, describe, expect, test } from 'vitest';
import { logsOf, openSandbox } from './support/index.ts';

const quick = await openSandbox({ backend: 'pyodide', cellSoftSeconds: 1, cellHardSeconds: 2.5 });
const patient = await openSandbox({ backend: 'pyodide' });

describe.skipIf(!quick.status.ok)('Python as WebAssembly', () => {
  afterAll(() => Promise.all([quick[Symbol.asyncDispose](), patient[Symbol.asyncDispose]()]));

  test('says what it is and what it leaves open', () => {
    expect(patient.status).toMatchObject({ backend: 'pyodide', ok: true, packages: [] });
    expect(patient.status.python).toMatch(/^3\.\d+\.\d+$/);
    expect(patient.status.guarantees).toContain('has no network');
    expect(patient.status.limitations?.join()).toMatch(/a flaw in V8/);
  });

  test.each([
    ['the last expression', '1 + 1', '2\n'],
    [
      'prints in order',
      'import sys\nprint("a")\nprint("b", file=sys.stderr)\nprint("c")',
      'a\nb\nc\n',
    ],
    [
      'what JavaScript prints, in order',
      'import js\nprint(1)\njs.console.log(2, "x")\nprint(3)',
      '1\n2 x\n3\n',
    ],
    ['top-level await', 'import asyncio\nawait asyncio.sleep(0.01)\n"slept"', "'slept'\n"],
    [
      'asyncio.run',
      'import asyncio\nasync def f():\n  await asyncio.sleep(0)\n  return 3\nasyncio.run(f())',
      '3\n',
    ],
    [
      'an error of a coroutine, once',
      'async def f(): 1/0\ntry:\n  await f()\nexcept ZeroDivisionError as error: print(error)',
      'division by zero\n',
    ],
    ['its folder', 'import os\nos.getcwd()', "'/mnt/data'\n"],
    ['unicode', 'print("żółć 🐍")', 'żółć 🐍\n'],
    ['the end of an input that is none', 'try: input()\nexcept EOFError: print("none")', 'none\n'],
    ['real randomness', 'import random\nlen({random.random() for _ in range(100)})', '100\n'],
  ])('shows %s', async (_, code, logs) => {
    expect(await logsOf(patient, 'cells', code)).toBe(logs);
  });

  test('shows tracebacks of the cell only', async () => {
    const { status, logs } = await patient.runCell('cells', 'def f(): 1/0\nf()');
    expect(status).toBe('error');
    expect(logs).toMatch(/^Traceback .*\n {2}File "<cell \d+>", line 2, in <module>\n/);
    expect(logs).toMatch(/ZeroDivisionError: division by zero\n$/);
    expect(logs).not.toContain('/opt/');
  });

  test('starts with randomness of its own in each session', async () => {
    const code = 'import random, os\nrandom.random(), os.urandom(8)';
    const both = [await logsOf(patient, 'random a', code), await logsOf(patient, 'random b', code)];
    expect(both[0]).not.toBe(both[1]);
  });

  test('keeps two sessions apart', async () => {
    await logsOf(patient, 'a', 'secret = 1\nopen("secret.txt", "w").write("x")');
    const code = 'import os\n"secret" in globals(), os.path.exists("secret.txt")';
    expect(await logsOf(patient, 'b', code)).toBe('(False, False)\n');
  });

  test('says plainly that it cannot start processes', async () => {
    for (const code of [
      'import os; os.system("ls")',
      'import subprocess; subprocess.run(["ls"])',
    ]) {
      const { status, logs } = await patient.runCell('processes', code);
      expect(status).toBe('error');
      expect(logs).toMatch(/This Python cannot start processes/);
    }
  });
});
