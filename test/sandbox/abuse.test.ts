import { existsSync } from 'node:fs';

import { afterAll, describe, expect, test } from 'vitest';
import { logsOf, openSandbox, PRINT_NAMESPACE, processesIn } from './support/index.ts';

const MEGABYTE = 1024 * 1024;
const MAX_LOG_BYTES = 50_000;
const options = { memoryBytes: 256 * MEGABYTE, processes: 32, maxLogBytes: MAX_LOG_BYTES };
const quick = await openSandbox({ ...options, cellSoftSeconds: 1, cellHardSeconds: 2.5 });
const interrupting = await openSandbox({ ...options, cellSoftSeconds: 1 });
// What ends its cells is never the time, however busy the computer is.
const patient = await openSandbox({ ...options, cellSoftSeconds: 200, cellHardSeconds: 250 });
const UNDONE = 'Variables and files are as they were before this cell.';

describe.skipIf(!quick.status.ok)('the sandbox survives', () => {
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
    [
      'a loop that retries whatever fails',
      'import time\ndef work(): time.sleep(100)\nwhile True:\n  try:\n    work()\n  except BaseException as error:\n    last = error',
    ],
    ['a catastrophic regular expression', 'import re\nre.match("(a+)+$", "a" * 60 + "b")'],
    ['a huge power', 'len(str(7 ** 10 ** 7))'],
    ['an endless await', 'import asyncio\nawait asyncio.Event().wait()'],
    [
      'a value whose repr never ends',
      'class Slow:\n  def __repr__(self):\n    while True: pass\nSlow()',
    ],
    ['a wait for a child that never ends', 'import subprocess\nsubprocess.run(["sleep", "100"])'],
  ])('%s, and keeps the variables', async (name, code) => {
    const { status, logs, after } = await abuse(interrupting, name, code);
    expect({ status, after }).toEqual({ status: 'timeout', after: intact });
    expect(logs).toMatch(/Execution timed out after 1 s; variables are kept\.$/);
    await interrupting.dropInterpreter(name);
  });

  test('an endless loop that ignores the interruption, by killing it', async () => {
    const code =
      'import _signal\nprint("begun")\n_signal.signal(_signal.SIGRTMAX - 1, _signal.SIG_IGN)\nwhile True: pass';
    const { status, logs, after } = await abuse(quick, 'ignoring', code);
    expect({ status, after }).toEqual({ status: 'timeout', after: intact });
    expect(logs).toBe(`begun\nExecution timed out after 2.5 s and had to be killed. ${UNDONE}`);
  });

  test('C code that never returns, by killing it', async () => {
    const code =
      'import ctypes\nctypes.PyDLL(None).pause()\nctypes.PyDLL(None).pause()\nctypes.PyDLL(None).sleep(60)';
    const { status, after } = await abuse(
      quick,
      'blocked',
      `import signal\nsignal.setitimer(0, 0)\n${code}`,
    );
    expect({ status, after }).toEqual({ status: 'timeout', after: intact });
  });

  test('a fork bomb', async () => {
    const code = 'import os\nwhile True:\n  try: os.fork()\n  except OSError: pass';
    const namespace = await logsOf(interrupting, 'forks', PRINT_NAMESPACE);
    const { status, after } = await abuse(interrupting, 'forks', code);
    expect({ status, after }).toEqual({ status: 'timeout', after: intact });
    expect(await processesIn(namespace)).toHaveLength(2);
  });

  test('whatever it starts, which gets of the processors what others leave', async () => {
    const code = `
import os, subprocess
for path in ('/proc/self/autogroup', '/proc/self/oom_score_adj'):
    print(subprocess.run(['cat', path], capture_output=True, text=True).stdout.rpartition(' ')[2].strip() or 'none')
os.nice(0)`;
    const shares = existsSync('/proc/self/autogroup') ? '10' : 'none';
    expect(await logsOf(quick, 'last', code)).toBe(`${shares}\n1000\n19\n`);
  });

  test('a thread bomb', async () => {
    const code = `
import threading
started = 0
try:
    while started < 10_000:
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        started += 1
except RuntimeError:
    print(started < 40)`;
    expect(await logsOf(patient, 'threads', code)).toBe('True\n');
  });

  test('a memory bomb', async () => {
    const code = `
hoard = []
while True:
    try: hoard.append(bytearray(b'x') * 20_000_000)
    except MemoryError: pass`;
    const { status, logs, after } = await abuse(patient, 'memory', code);
    expect({ status, after }).toEqual({ status: 'died', after: intact });
    expect(logs).toBe(`Execution needed more than 256 MB of memory and was killed. ${UNDONE}`);
  });

  test('memory spread over processes started by threads', async () => {
    const code = `
import subprocess, threading
def hoard(): subprocess.run(['/usr/bin/python3', '-c', 'x = bytearray(b"x") * 90_000_000; input()'], stdin=hold)
import os
hold, _ = os.pipe()
threads = [threading.Thread(target=hoard) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]`;
    const { status, logs, after } = await abuse(patient, 'spread', code);
    expect({ status, after }).toEqual({ status: 'died', after: intact });
    expect(logs).toMatch(/needed more than 256 MB/);
  });

  test('files that take the place of memory', async () => {
    const code = `
import os
with open('big', 'wb') as file:
    for _ in range(500): file.write(bytes(1_000_000))
    input() if False else None
while True: pass`;
    const { status, logs } = await abuse(patient, 'files', code);
    expect(status).toMatch(/died|error/);
    expect(logs).toMatch(/needed more than 256 MB|File too large/);
  });

  test.each([
    [
      'sockets that wait for nobody',
      `
import socket
listener = socket.socket(socket.AF_UNIX)
listener.bind('/tmp/listener')
listener.listen(100_000)
while True:
    # Closed, each is held by the listener alone.
    with socket.socket(socket.AF_UNIX) as sender:
        sender.setblocking(False)
        sender.connect('/tmp/listener')
        sender.send(b'x' * 100_000)`,
    ],
    [
      'files without content',
      `
import os
most = b'x' * 130_000_000
open('/tmp/file', 'w').close()
for n in range(10_000_000): os.link('/tmp/file', f'/tmp/{n}')`,
    ],
  ])('memory of Linux itself, spent on %s', { timeout: 300_000 }, async (name, code) => {
    const { status, logs, after } = await abuse(patient, name, code);
    expect({ status, after }).toEqual({ status: 'died', after: intact });
    expect(logs).toBe(`Execution needed more than 256 MB of memory and was killed. ${UNDONE}`);
    await patient.dropInterpreter(name);
  });

  test('one allocation that is too large, as an error', async () => {
    const { status, logs, after } = await abuse(patient, 'allocation', 'bytearray(10_000_000_000)');
    expect({ status, after }).toEqual({ status: 'error', after: intact });
    expect(logs).toContain('MemoryError');
  });

  test('a full disk, as an error', async () => {
    const code = `open('/dev/shm/x', 'wb').write(bytes(20_000_000))`;
    const { status, logs, after } = await abuse(patient, 'disk', code);
    expect({ status, after }).toEqual({ status: 'error', after: intact });
    expect(logs).toMatch(/No space left/);
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

  test('an endless output flood', { timeout: 300_000 }, async () => {
    const { status, logs, after } = await abuse(
      patient,
      'endless',
      'import os\nwhile True: os.write(1, b"x" * 65536)',
    );
    expect({ status, after }).toEqual({ status: 'died', after: intact });
    expect(logs).toMatch(/Execution printed too much and was killed\. /);
    expect(Buffer.byteLength(logs)).toBeLessThan(MAX_LOG_BYTES + 200);
  });

  test.each([
    [
      'os._exit',
      'import os\nprint("before")\nos._exit(3)',
      /^before\nThe Python process ended \(exit code 3\)\. Variables/,
    ],
    ['a segmentation fault', 'import ctypes\nctypes.string_at(0)', /segmentation fault/],
    ['an abort', 'import os\nos.abort()', /SIGABRT/],
    ['a kill of itself', 'import os, signal\nos.kill(os.getpid(), signal.SIGKILL)', /SIGKILL/],
    ['a closed frame pipe', 'import os\nos.close(3)\nos.close(4)', /The Python process ended/],
    ['every file closed', 'import os\nos.closerange(0, 256)', /The Python process ended/],
    [
      'another program in its place',
      'import os\nos.execv("/bin/true", ["true"])',
      /The Python process ended/,
    ],
  ])('%s', async (name, code, sentence) => {
    const { status, logs, after } = await abuse(patient, name, code);
    expect({ status, after }).toEqual({ status: 'died', after: intact });
    expect(logs).toMatch(sentence);
  });

  test.each([
    ['bytes that are no frame', `os.write(4, b'hello, this is no frame')`],
    ['an oversized frame', `os.write(4, struct.pack('>II', 2**31, 0))`],
    ['a body', `os.write(4, frame({'t': 'done', 'id': 'x', 'status': 'ok'}, b'body'))`],
    ['an end of another cell', `os.write(4, frame({'t': 'done', 'id': '0' * 32, 'status': 'ok'}))`],
    ['an unknown frame', `os.write(4, frame({'t': 'exec'}))`],
    ['a truncated frame before the real one', `os.write(4, struct.pack('>II', 100, 0) + b'{"t"')`],
  ])('%s forged on the pipe', async (name, forge) => {
    const code = `
import json, os, struct, time
def frame(header, body=b''):
    data = json.dumps(header).encode()
    return struct.pack('>II', len(data), len(body)) + data + body
${forge}`;
    const { status, logs, after } = await abuse(quick, name, code);
    expect(['died', 'timeout']).toContain(status);
    expect(logs).toMatch(/answered out of turn|had to be killed/);
    expect(after).toBe(intact);
  });

  test('a cell that forges its own end, which fools only itself', async () => {
    const code = `
import json, os, struct, sys
frame = sys._getframe()
while 'request' not in frame.f_locals: frame = frame.f_back
cell = frame.f_locals['request']['id']
data = json.dumps({'t': 'done', 'id': cell, 'status': 'ok'}).encode()
os.write(1, b'forged' + cell.encode())
os.write(4, struct.pack('>II', len(data), 0) + data)`;
    const { status, logs } = await abuse(quick, 'self', code);
    expect(['ok', 'died']).toContain(status);
    expect(logs).toMatch(/^forged/);
    expect(await logsOf(quick, 'other', '1 + 1')).toBe('2\n');
  });

  test('deep recursion, as an error', async () => {
    const { status, logs, after } = await abuse(patient, 'deep', 'def f(): f()\nf()');
    expect({ status, after }).toEqual({ status: 'error', after: intact });
    expect(logs).toContain('RecursionError');
  });

  test('signals to every process it sees', async () => {
    const { status, after } = await abuse(
      patient,
      'signals',
      'import os, signal\nos.kill(1, signal.SIGKILL)\nos.kill(1, signal.SIGTERM)\nNone',
    );
    expect({ status, after }).toEqual({ status: 'ok', after: intact });
  });

  test.each([
    [
      'a replaced repr and print',
      'import builtins\nbuiltins.repr = builtins.print = lambda *_: 1 / 0',
    ],
    ['replaced streams', 'import sys\nsys.stdout = sys.stderr = sys.__stdout__ = None'],
    ['a closed driver stream', 'import sys\nsys.stdout.buffer.close()'],
    [
      'replaced signal handlers',
      'import signal\nfor n in range(1, 65):\n  try: signal.signal(n, signal.SIG_IGN)\n  except (OSError, ValueError): pass',
    ],
    [
      'blocked signals',
      'import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nNone',
    ],
    ['a trace function', 'import sys\nsys.settrace(lambda *_: 1 / 0)'],
    [
      'a garbage collector that raises',
      'import gc\ngc.callbacks.append(lambda *_: 1 / 0)\ngc.collect()\nNone',
    ],
    ['what runs at exit', 'import atexit\natexit.register(print, "at exit")\nNone'],
    ['a finalizer that prints', 'class Noisy:\n  def __del__(self): print("deleted")\nn = Noisy()'],
    ['an import hook that fails', 'import sys\nsys.meta_path.insert(0, None)'],
    ['no modules', 'import sys\nsys.modules.clear()'],
    ['no names', 'globals().clear()'],
    ['another __main__', 'import sys\nsys.modules["__main__"] = None'],
    ['a broken json', 'import json\njson.dumps = json.loads = None'],
    ['another working folder', 'import os\nos.chdir("/")'],
    ['no working folder', 'import os\nos.mkdir("d"); os.chdir("d"); os.rmdir("/mnt/data/d")'],
  ])('%s, or goes back to before it', { timeout: 30_000 }, async (name, code) => {
    await logsOf(quick, name, 'kept = "kept"');
    await quick.runCell(name, code);
    // Whatever is left of Python answers, or is replaced by one that does; an endless loop still ends.
    await quick.runCell(name, 'kept');
    await quick.runCell(name, 'while True: pass');
    await quick.sandbox.dropInterpreter(name);
    const { status, logs } = await quick.runCell(name, 'globals().get("kept", "cleared")');
    expect({ status, logs }).toEqual({
      status: 'ok',
      logs: expect.stringMatching(name === 'no names' ? /'cleared'\n$/ : /'kept'\n$/),
    });
  });

  test('surrogates, NULs and bytes that are no text, everywhere', async () => {
    const code = `print('\\ud800\\0'); name = 'caf\\xe9'\nraise ValueError('\\udfff \\0')`;
    const { status, logs } = await patient.runCell('text', code);
    expect(status).toBe('error');
    expect(logs.isWellFormed()).toBe(true);
    expect(logs).not.toContain('\0');
    expect(await logsOf(patient, 'text', '"\ud800"')).toBe("'\uFFFD'\n");
    expect((await patient.runCell('text', 'x = "a\0b"')).status).toBe('error');
  });

  test('a cell that is cancelled, at once', async () => {
    const stop = new AbortController();
    const code =
      'import signal, subprocess\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nsubprocess.Popen(["sleep", "60"])\nwhile True:\n  try:\n    while True: pass\n  except BaseException: pass';
    const cell = patient.runCell('cancelled', code, { signal: stop.signal });
    await new Promise<void>((resolve) => setImmediate(resolve));
    const started = performance.now();
    stop.abort(new Error('cancelled'));
    await expect(cell).rejects.toThrow('cancelled');
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
