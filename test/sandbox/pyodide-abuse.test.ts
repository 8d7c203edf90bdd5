import { afterAll, describe, expect, test } from 'vitest';
import { logsOf, openSandbox } from './support/index.ts';

const MAX_LOG_BYTES = 50_000;
const options = { backend: 'pyodide', maxLogBytes: MAX_LOG_BYTES } as const;
const quick = await openSandbox({ ...options, cellSoftSeconds: 1, cellHardSeconds: 2.5 });
const interrupting = await openSandbox({ ...options, cellSoftSeconds: 1 });
const patient = await openSandbox(options);

/** Python code that runs JavaScript. */
function javascript(code: string): string {
  return `from pyodide.code import run_js\nrun_js(${JSON.stringify(code)})`;
}

describe.skipIf(!quick.status.ok)('Pyodide survives', () => {
  afterAll(() =>
    Promise.all([quick, interrupting, patient].map((sandbox) => sandbox[Symbol.asyncDispose]())),
  );

  /** Runs `code` after setting a variable, and says how the cell ended and whether the variable is still there. */
  async function abuse(sandbox: typeof quick, session: string, code: string) {
    await logsOf(sandbox, session, 'kept = "kept"');
    const result = await sandbox.runCell(session, code);
    const after = await sandbox.runCell(session, 'kept if "kept" in globals() else "fresh"');
    return { ...result, after: after.logs };
  }
  const intact = "'kept'\n";

  test.each([
    ['an endless loop', 'while True: pass'],
    ['a long sleep', 'import time\ntime.sleep(100)'],
    [
      'an endless loop that catches everything',
      'while True:\n  try:\n    while True: pass\n  except BaseException: pass',
    ],
    [
      'a sleep that catches everything',
      'import time\nwhile True:\n  try: time.sleep(100)\n  except: pass',
    ],
    ['a catastrophic regular expression', 'import re\nre.match("(a+)+$", "a" * 60 + "b")'],
    ['an endless await', 'import asyncio\nawait asyncio.Event().wait()'],
    ['an endless asyncio.run', 'import asyncio\nasyncio.run(asyncio.sleep(1000))'],
    [
      'a value whose repr never ends',
      'class Slow:\n  def __repr__(self):\n    while True: pass\nSlow()',
    ],
    [
      'memory that is hoarded whatever happens',
      'def f():\n  hoard = []\n  while True:\n    try: hoard.append(bytearray(10_000_000))\n    except MemoryError: pass\nf()',
    ],
  ])('%s, and keeps the variables', async (name, code) => {
    const { status, logs, after } = await abuse(interrupting, name, code);
    expect({ status, after }).toEqual({ status: 'timeout', after: intact });
    expect(logs).toMatch(/Execution timed out after 1 s; variables are kept\.$/);
    await interrupting.dropInterpreter(name);
  });

  test.each([
    ['an endless loop of JavaScript', javascript('while (true) {}')],
    ['an endless promise', `${javascript('1')}\nawait run_js("new Promise(() => {})")`],
    ['the end of the thread', javascript('self.close(); while (true) {}')],
    ['input taken from the host', javascript('Deno.stdin.readSync(new Uint8Array(9))')],
    [
      'an endless loop that ignores the interruption',
      'import signal\nsignal.signal(signal.SIGUSR2, signal.SIG_IGN)\nwhile True: pass',
    ],
  ])('%s, by killing it', async (name, code) => {
    const { status, logs, after } = await abuse(quick, name, `print("begun")\n${code}`);
    expect({ status, after }).toEqual({ status: 'timeout', after: intact });
    expect(logs).toMatch(/^begun\nExecution timed out after (2.5 s and had to be killed|1 s)/);
    await quick.dropInterpreter(name);
  });

  test('a memory bomb, as an error', async () => {
    const code = 'def f():\n  hoard = []\n  while True: hoard.append(bytearray(10_000_000))\nf()';
    const { status, logs, after } = await abuse(patient, 'memory', code);
    expect({ status, after }).toEqual({ status: 'error', after: intact });
    expect(logs).toMatch(/MemoryError\n$/);
  });

  test.each([
    [
      'memory taken by JavaScript',
      javascript('const all = []; for (;;) all.push(new Uint8Array(50_000_000).fill(1));'),
    ],
    [
      'memory taken by files',
      'for n in range(1000):\n  with open(f"{n}", "wb") as file:\n    file.write(bytes(50_000_000))',
    ],
    [
      'memory taken by threads of JavaScript',
      javascript(
        `for (let n = 0; n < 500; n += 1) {
           const code = "const all = []; setInterval(() => all.push(new Uint8Array(1e7).fill(1)), 0)";
           new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })), { type: "module" });
         }
         Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15000);`,
      ),
    ],
  ])('%s, by killing it', async (name, code) => {
    const { status, logs, after } = await abuse(patient, name, code);
    expect(['died', 'error']).toContain(status);
    expect(logs).toMatch(/needed more than 1024 MB|RangeError|The Python process ended/);
    expect(after).toBe(intact);
    await patient.dropInterpreter(name);
  });

  test.each([
    ['a fork bomb', 'import os\nwhile True: os.fork()', /Function not implemented/],
    [
      'a thread bomb',
      'import threading\nwhile True: threading.Thread(target=print).start()',
      /can't start new thread/,
    ],
    ['deep recursion', 'def f(): f()\nf()', /RecursionError/],
    ['one allocation that is too large', 'bytearray(2_000_000_000)', /MemoryError/],
  ])('%s, as an error', async (name, code, sentence) => {
    const { status, logs, after } = await abuse(patient, 'errors', code);
    expect({ name, status, after }).toEqual({ name, status: 'error', after: intact });
    expect(logs).toMatch(sentence);
  });

  test('an output flood, keeping its beginning and end', async () => {
    const code = 'print("first")\nfor n in range(100_000): print("line", n)\nprint("last")';
    const { status, logs, after } = await abuse(patient, 'flood', code);
    expect({ status, after }).toEqual({ status: 'ok', after: intact });
    expect(logs).toMatch(
      /^first\nline 0\n[^]*\n\.\.\. \[\d+ bytes cut\] \.\.\.\n[^]*line 99999\nlast\n$/,
    );
    expect(Buffer.byteLength(logs)).toBeLessThan(MAX_LOG_BYTES + 100);
  });

  test.each([
    ['an endless output flood', 'while True: print("x" * 65536)'],
    [
      'an endless output flood past Python',
      `${javascript('1')}\nwhile True: run_js("console.log('x'.repeat(65536))")`,
    ],
  ])('%s', async (name, code) => {
    const { status, logs, after } = await abuse(patient, name, code);
    expect({ status, after }).toEqual({ status: 'died', after: intact });
    expect(logs).toMatch(/Execution printed too much and was killed\./);
    expect(Buffer.byteLength(logs)).toBeLessThan(MAX_LOG_BYTES + 200);
    await patient.dropInterpreter(name);
  });

  test.each([
    ['os._exit', 'import os\nprint("before")\nos._exit(3)', /^before\n/],
    ['an abort', 'import os\nos.abort()', /fatal error|The Python process ended/],
    ['the end of Deno', javascript('process.abort()'), /The Python process ended|UNSUPPORTED/],
    [
      'an error nobody catches in another thread',
      `${javascript(`new Worker(URL.createObjectURL(new Blob(["throw new Error('boom')"], { type: 'text/javascript' })), { type: 'module' })`)}\nimport asyncio\nawait asyncio.sleep(3)`,
      /boom|The Python process ended|^$/,
    ],
  ])('%s', async (name, code, sentence) => {
    const { status, logs, after } = await abuse(patient, name, code);
    expect(['died', 'error', 'ok']).toContain(status);
    expect(logs).toMatch(sentence);
    expect(after).toBe(intact);
    await patient.dropInterpreter(name);
  });

  test('frames printed past the other thread, which nobody hears', async () => {
    const code = javascript(
      `Deno.stdout.writeSync(new TextEncoder().encode('{"t":"done"}'.repeat(1000))); 1`,
    );
    const { status, after } = await abuse(patient, 'printed', code);
    expect({ status, after }).toEqual({ status: 'ok', after: intact });
  });

  test.each([
    ['bytes that are no frame', `new TextEncoder().encode('hello, this is no frame')`],
    ['an oversized frame', `new Uint8Array([128, 0, 0, 0, 0, 0, 0, 0])`],
    ['an end of another cell', `frame({ t: 'done', id: '0'.repeat(32), status: 'ok' })`],
    ['an unknown frame', `frame({ t: 'exec' })`],
    ['a truncated frame before the real one', `new Uint8Array([0, 0, 0, 100, 0, 0, 0, 0, 123])`],
  ])('%s forged through the other thread', async (name, forged) => {
    const code = javascript(`
      const frame = (header) => {
        const head = new TextEncoder().encode(JSON.stringify(header));
        return new Uint8Array([0, 0, 0, head.length, 0, 0, 0, 0, ...head]);
      };
      self.postMessage({ t: 'frames', bytes: ${forged} });
    `);
    const { status, logs, after } = await abuse(quick, name, code);
    expect(['died', 'timeout']).toContain(status);
    expect(logs).toMatch(/answered out of turn|had to be killed/);
    expect(after).toBe(intact);
    await quick.dropInterpreter(name);
  });

  test('a worker thread that goes on when its cell has ended', async () => {
    const code = javascript(
      `globalThis.timer = setInterval(() => console.log('late'), 1); undefined`,
    );
    await patient.runCell('late', code);
    expect(await logsOf(patient, 'late', '1 + 1')).toMatch(/^(late\n)*2\n(late\n)*$/);
  });
});
