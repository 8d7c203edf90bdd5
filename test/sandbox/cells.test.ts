import { afterAll, describe, expect, test } from 'vitest';
import { logsOf, openSandbox } from './support/index.ts';

const sandbox = await openSandbox();
const run = (code: string) => sandbox.runCell('cells', code);
const logs = (code: string) => logsOf(sandbox, 'cells', code);

describe.skipIf(!sandbox.status.ok)('a cell', () => {
  afterAll(() => sandbox[Symbol.asyncDispose]());

  test('shows what it prints and the value of its last expression', async () => {
    expect(await run('x = 20\nprint("hello")\nx + 1')).toMatchObject({
      outputs: [{ type: 'logs', logs: 'hello\n21\n' }],
      status: 'ok',
      durationMs: expect.any(Number),
    });
  });

  test('shows nothing for None, and keeps the last value in _', async () => {
    expect(await logs('None')).toBe('');
    expect(await logs('"a" * 3')).toBe("'aaa'\n");
    expect(await logs('_.upper()')).toBe("'AAA'\n");
  });

  test('sees variables, functions, classes and imports of earlier cells', async () => {
    await logs(
      'import math\nclass Point:\n  def __init__(self, x): self.x = x\ndef double(n): return n * 2',
    );
    expect(await logs('double(Point(math.floor(2.5)).x)')).toBe('4\n');
  });

  test('can pickle what it defines', async () => {
    await logs('import pickle\nclass Pickled: value = 7');
    expect(await logs('pickle.loads(pickle.dumps(Pickled())).value')).toBe('7\n');
  });

  test('keeps files in its working folder', async () => {
    await logs('open("note.txt", "w").write("kept")');
    expect(await logs('import os\nos.getcwd(), open("/mnt/data/note.txt").read()')).toBe(
      "('/mnt/data', 'kept')\n",
    );
  });

  test('that raises shows a traceback of its own lines only', async () => {
    const { status, logs: text } = await run('def f():\n    return 1 / 0\n\nprint("before")\nf()');
    expect(status).toBe('error');
    expect(text).toMatch(
      /^before\nTraceback \(most recent call last\):\n {2}File "<cell \d+>", line 5/,
    );
    expect(text).toMatch(/return 1 \/ 0[^]*ZeroDivisionError: division by zero\n$/);
    expect(text).not.toContain('driver');
  });

  test('that is no Python shows where', async () => {
    const { status, logs: text } = await run('x = 1\ny = = 2');
    expect(status).toBe('error');
    expect(text).toMatch(/^ {2}File "<cell \d+>", line 2[^]*SyntaxError/);
    expect(text).not.toContain('Traceback');
  });

  test('shows the source of functions from earlier cells in tracebacks', async () => {
    await logs('def fails_later():\n    raise ValueError("deep")');
    const { logs: text } = await run('fails_later()');
    expect(text).toContain('raise ValueError("deep")');
  });

  test('may await at its top level', async () => {
    expect(
      await logs('import asyncio\nasync def f():\n  await asyncio.sleep(0)\n  return 5\nawait f()'),
    ).toBe('5\n');
    const { logs: text } = await run('async def g(): raise KeyError("k")\nawait g()');
    expect(text).toMatch(/^Traceback[^]*KeyError: 'k'\n$/);
    expect(text).not.toContain('asyncio');
  });

  test('keeps the order of stdout, stderr, subprocesses and C code', async () => {
    const code = `
import ctypes, os, subprocess, sys
print('1 out')
print('2 err', file=sys.stderr)
subprocess.run(['/bin/echo', '3 subprocess'])
os.write(2, b'4 raw\\n')
sys.stdout.write('5 part,')
sys.stderr.write(' 6 rest\\n')
ctypes.CDLL(None).puts(b'7 from C')
None
`;
    expect(await logs(code)).toBe('1 out\n2 err\n3 subprocess\n4 raw\n5 part, 6 rest\n7 from C\n');
  });

  test('turns pip and notebook lines into notes', async () => {
    const text = await logs(
      '!pip install requests\n%matplotlib inline\nif True:\n    !ls\nprint("ran")',
    );
    expect(text).toMatch(/^Note: skipped `!pip install requests`: there is no network.*\n/);
    expect(text).toMatch(/Note: skipped `%matplotlib inline`[^]*Note: skipped `!ls`[^]*\nran\n$/);
  });

  test('keeps such lines where they are text', async () => {
    expect(await logs('"""\n%s\n!x""" % 1')).toBe("'\\n1\\n!x'\n");
  });

  test('gets an end of file instead of input', async () => {
    expect((await run('input("name? ")')).logs).toMatch(/^name\? Traceback[^]*EOFError/);
  });

  test('that exits ends, and the session goes on', async () => {
    await logs('before_exit = 1\nimport sys\nsys.exit()');
    expect(await run('sys.exit("sorry")')).toMatchObject({
      status: 'error',
      logs: 'SystemExit: sorry\n',
    });
    expect(await logs('before_exit')).toBe('1\n');
  });

  test('may break its own streams without harm to the next', async () => {
    await logs('import io, os, sys\nsys.stdout = io.StringIO()\nprint("lost")');
    await logs('sys.stdout.close(); sys.stderr.close()');
    await logs('os.close(1); os.close(2)');
    await logs('os.dup2(os.open("/dev/null", os.O_WRONLY), 1)\nNone');
    expect(await logs('print("back")')).toBe('back\n');
  });

  test('may print anything, and its logs are valid text', async () => {
    const text = await logs(
      'import os\nprint("\\ud800 \\0 é 漢")\nos.write(1, b"\\xff\\xfe\\n")\nNone',
    );
    expect(text).toBe('\\ud800 \uFFFD é 漢\n\uFFFD\uFFFD\n');
  });

  test('whose value cannot be shown is an error, not a crash', async () => {
    const { status, logs: text } = await run(
      'class Bad:\n  def __repr__(self): raise RuntimeError("no repr")\nBad()',
    );
    expect(status).toBe('error');
    expect(text).toContain('RuntimeError: no repr');
    const nasty = 'class E(Exception):\n  def __str__(self): raise E()\nraise E()';
    expect((await run(nasty)).status).toBe('error');
    expect(await logs('1')).toBe('1\n');
  });

  test('has long values and tracebacks cut', async () => {
    expect((await logs('"x" * 1_000_000')).length).toBeLessThan(20_100);
    expect((await run('raise ValueError("y" * 1_000_000)')).logs.length).toBeLessThan(8_100);
  });

  test('leaves no process behind', async () => {
    await logs('import subprocess\np = subprocess.Popen(["sleep", "600"])');
    await logs(
      'import os\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    while True: pass',
    );
    expect(await logs('sorted(int(n) for n in os.listdir("/proc") if n.isdigit())')).toBe(
      '[1, 2]\n',
    );
  });

  test('that forks itself is answered for by the parent only', async () => {
    expect(await logs('child = os.fork()\nchild > 0 and os.waitpid(child, 0)[1]')).toMatch(/0\n/);
    expect(await logs('"still here"')).toBe("'still here'\n");
  });

  test('that shares memory between processes, or locks files, works', async () => {
    const code = `
import asyncio, multiprocessing, numpy, shutil, sqlite3
from multiprocessing import shared_memory
block = shared_memory.SharedMemory(create=True, size=1 << 20)
def work(counter, lock, numbers):
    with lock: counter.value += 1
    other = shared_memory.SharedMemory(block.name)
    other.buf[0] = 7
    numbers.put(counter.value)
context = multiprocessing.get_context('fork')
numbers, counter = context.Queue(), context.Value('i', 3)
child = context.Process(target=work, args=(counter, context.Lock(), numbers))
child.start(); found = [numbers.get()]; child.join()
found.append(block.buf[0]); block.close(); block.unlink()
with multiprocessing.Manager() as manager: found.append(manager.list([5])[0])
kept = numpy.memmap('map', 'f8', 'w+', shape=1000); kept[:] = 2; kept.flush()
found.append(int(numpy.fromfile('map')[999]))
database = sqlite3.connect('db'); database.execute('create table t as select 9 as n'); database.commit()
found += database.execute('select n from t').fetchone()
echo = await asyncio.create_subprocess_exec('echo', '6', stdout=-1)
found.append(int((await echo.communicate())[0]))
shutil.copy2('db', 'copy'); shutil.copytree('/opt', 'tree')
found`;
    expect(await logs(code)).toBe('[4, 7, 5, 2, 9, 6]\n');
  });

  test('that uses multiprocessing and threads works', async () => {
    const code = `
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
def square(n): return n * n
with ThreadPoolExecutor(4) as threads: print(list(threads.map(square, range(4))))
with ProcessPoolExecutor(2) as processes: print(list(processes.map(square, range(4))))
`;
    expect(await logs(code)).toBe('[0, 1, 4, 9]\n[0, 1, 4, 9]\n');
  });

  test('whose thread goes on printing does not end the next one early', async () => {
    await logs(
      'import threading, time\nstop = threading.Event()\ndef chat():\n  while not stop.wait(0.001): print("late")\nthreading.Thread(target=chat, daemon=True).start()',
    );
    const text = await logs('time.sleep(0.05)\nstop.set()\nprint("end")');
    expect(text.replaceAll('late\n', '')).toBe('end\n');
  });

  test('can use every package the status lists', { timeout: 30_000 }, async () => {
    const modules = sandbox.status.packages.map((entry) =>
      entry.split(' ')[0]?.replace('pillow', 'PIL'),
    );
    for (const name of modules) {
      expect(await logs(`import ${name}\n${name}.__name__`)).toBe(`'${name}'\n`);
    }
    expect(sandbox.status.python).toMatch(/^3\.\d+\.\d+/);
  });

  test.skipIf(!sandbox.status.packages.some((name) => name.startsWith('matplotlib')))(
    'can save a chart',
    { timeout: 30_000 },
    async () => {
      const code =
        'import matplotlib.pyplot as plt\nplt.plot([1, 4, 9])\nplt.savefig("chart.png")\nopen("chart.png", "rb").read(4)';
      expect(await logs(code)).toContain("b'\\x89PNG'\n");
    },
  );
});
