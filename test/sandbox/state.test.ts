import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { afterAll, describe, expect, test } from 'vitest';
import { descendants } from '../support/processes.ts';
import { logsOf, openSandbox, PYTHON, withStore } from './support/index.ts';
import type { TestSandbox } from './support/index.ts';

const sandbox = await openSandbox();

/** Programs that take all processor time there is. */
function busyLoops(count: number): Disposable {
  const loops = Array.from({ length: count }, () => spawn(process.execPath, ['-e', 'for (;;);']));
  return { [Symbol.dispose]: () => loops.forEach((loop) => loop.kill('SIGKILL')) };
}
const has = (name: string) => sandbox.status.packages.some((entry) => entry.startsWith(name));

describe.skipIf(!sandbox.status.ok)('the state of a session', () => {
  let other: TestSandbox;
  afterAll(async () => {
    await sandbox[Symbol.asyncDispose]();
    await other?.[Symbol.asyncDispose]();
  });

  /** What a cell in another process prints, which starts from what is stored. */
  async function elsewhere(session: string, code: string): Promise<string> {
    other ??= await openSandbox();
    return logsOf(withStore(other.sandbox, sandbox.store), session, code);
  }
  const here = (session: string, code: string) => logsOf(sandbox, session, code);
  const lastChange = () => sandbox.store.changes.at(-1)?.change;

  test('comes back in another process: data, imports, functions, classes and their instances', async () => {
    await here(
      'all',
      `
import math, os.path as p
from collections import Counter, deque
from enum import Enum
from dataclasses import dataclass
counts, queue = Counter('aab'), deque([1], maxlen=2)
class Color(Enum): RED = 1
@dataclass
class Point:
    x: int
    def double(self): return Point(self.x * 2)
def outer(n):
    def inner(): return n + math.floor(offset)
    return inner
offset, add, red, point, square = 1.5, outer(2), Color.RED, Point(4), lambda n: n * n`,
    );
    const code = `[counts, queue, red is Color.RED, point.double(), add(), square(3), p.join('a', 'b')]`;
    expect(await elsewhere('all', code)).toBe(
      "[Counter({'a': 2, 'b': 1}), deque([1], maxlen=2), True, Point(x=8), 3, 9, 'a/b']\n",
    );
  });

  test('keeps what two variables share, and cycles', async () => {
    await here(
      'shared',
      'a = [1]\nb = {"a": a}\na.append(b)\nclass Node: pass\nn = Node(); n.me = n',
    );
    expect(
      await elsewhere('shared', 'a.append(9)\nb["a"] is a, a[1] is b, len(b["a"]), n.me is n'),
    ).toBe('(True, True, 3, True)\n');
  });

  test('has functions that see what later cells define', async () => {
    await here('globals', 'x = 1\ndef f(): return x, helper()');
    expect(await elsewhere('globals', 'x = 2\ndef helper(): return "later"\nf()')).toBe(
      "(2, 'later')\n",
    );
  });

  test('has functions whose tracebacks show their source', async () => {
    await here('source', 'def fails():\n    raise ValueError("deep")');
    await elsewhere('source', 'later = 1');
    const { logs } = await withStore(other.sandbox, sandbox.store).runCell('source', 'fails()');
    expect(logs).toMatch(/"<cell 1>", line 2, in fails\n {4}raise ValueError\("deep"\)/);
  });

  test.skipIf(!has('pandas'))('keeps frames and arrays', { timeout: 30_000 }, async () => {
    await here(
      'frames',
      'import numpy as np, pandas as pd\ndf = pd.DataFrame({"a": [1, 2]})\narr = np.arange(4).reshape(2, 2)\nview = arr[0]',
    );
    expect(await elsewhere('frames', 'int(df.a.sum()), arr.tolist(), pd.__name__')).toBe(
      "(3, [[0, 1], [2, 3]], 'pandas')\n",
    );
  });

  test('names what cannot be saved, at once in the store and later to the model', async () => {
    await here('unsaved', 'f = open("f.txt", "w")\ngen = (n for n in [1])\nkept = 1\nNone');
    expect(lastChange()?.unsaved).toEqual(['f', 'gen']);
    expect(await here('unsaved', 'next(gen)')).toBe('1\n');
    expect(await elsewhere('unsaved', 'kept, "gen" in globals()')).toBe(
      'The Python session was restored. Not restored: f, gen.\n(1, False)\n',
    );
    expect(await elsewhere('unsaved', 'kept')).toBe('1\n');
  });

  test('loses only what fails to come back', async () => {
    await here(
      'failing',
      'class Picky(Exception):\n  def __init__(self, a, b): super().__init__(a)\nerror, kept, nested = Picky(1, 2), [1], {"deep": [Picky(1, 2)]}\nshared = kept',
    );
    expect(await elsewhere('failing', 'kept.append(2)\nshared, nested, "error" in globals()')).toBe(
      "The Python session was restored. Not restored: error.\n([1, 2], {'deep': [<not restored>]}, False)\n",
    );
  });

  test(
    'of another version of Python brings data back, and no code',
    { timeout: 60_000 },
    async () => {
      await using pyodide = await openSandbox({ backend: 'pyodide' });
      if (!pyodide.status.ok) return;
      const code = `
from fractions import Fraction
import math
def f(): return 1
class C:
    def __init__(self): self.x = 1
c, data = C(), {'q': Fraction(1, 3), 'mixed': [1, f]}`;
      await here('versions', code);
      const foreign = withStore(pyodide.sandbox, sandbox.store);
      expect(await logsOf(foreign, 'versions', 'data, math.floor(1.5)')).toBe(
        'The Python session was restored. Not restored: f, C, c.\n' +
          "({'q': Fraction(1, 3), 'mixed': [1, <not restored>]}, 1)\n",
      );
    },
  );

  test('is told as unchanged when a cell changed nothing', async () => {
    await here('same', 'x = [1, 2]\nimport json\ndef f(): return json\nopen("f", "w").write("x")');
    await here('same', 'len(x)');
    expect(lastChange()).toEqual({ changed: [], removed: [], namespace: 'unchanged', unsaved: [] });
    await here('same', 'x.append(3)');
    expect(lastChange()?.namespace).toBeInstanceOf(Buffer);
  });

  test('without variables is none', async () => {
    await here('none', 'print("hello")');
    expect(lastChange()?.namespace).toBeUndefined();
    await here('none', 'x = 1');
    await here('none', 'del x');
    expect(lastChange()?.namespace).toBeUndefined();
  });

  test('stays what it was before a cell that kills Python', async () => {
    await here('killed', 'x = 1\nopen("f", "w").write("before")');
    const { status, logs } = await sandbox.runCell(
      'killed',
      'x = 2\nopen("f", "w").write("after")\nimport os\nos._exit(1)',
    );
    expect(status).toBe('died');
    expect(logs).toMatch(/Variables and files are as they were before this cell\.$/);
    expect(lastChange()).toBeNull();
    expect(await here('killed', 'x, open("f").read()')).toBe("(1, 'before')\n");
  });

  test('that could not be stored is not gone on from', async () => {
    await here('refused', 'x = 1');
    const request = {
      interpreterId: 'refused',
      owner: 'test',
      code: 'x = 2',
      version: sandbox.store.version('refused'),
      load: () => Promise.resolve(sandbox.store.load('refused')),
      inputs: [],
      nextVersion: 'never',
      save: () => Promise.reject(new Error('the database is away')),
    };
    await expect(sandbox.sandbox.runCell(request)).rejects.toThrow('the database is away');
    expect(await here('refused', 'x')).toBe('1\n');
  });

  test('is loaded anew when another process stored a newer one', async () => {
    await here('moved', 'x = 1');
    await elsewhere('moved', 'x += 1');
    expect(await here('moved', 'x += 1\nx')).toBe('3\n');
    expect(await elsewhere('moved', 'x')).toBe('3\n');
  });

  test('above its limit keeps the smallest', { timeout: 30_000 }, async () => {
    await using small = await openSandbox({ namespaceBytes: 1_000_000 });
    await logsOf(small, 'big', 'a, b, c = 1, "b" * 600_000, "c" * 700_000');
    expect(small.store.changes.at(-1)?.change?.unsaved).toEqual(['c']);
    await logsOf(small, 'big', 'd = bytearray(5_000_000)');
    expect(small.store.changes.at(-1)?.change?.unsaved).toEqual(['c', 'd']);
  });

  describe('on a busy computer', () => {
    const pythons = async () =>
      (await descendants(process.pid))
        .filter(({ command }) => command.startsWith(PYTHON))
        .map(({ pid }) => pid);

    /** Runs a cell in a new kernel, whose process `meet` gets before it is given the state. */
    async function runMeeting(
      { sandbox: own, store }: TestSandbox,
      session: string,
      meet: (pid: number) => void,
    ): Promise<string> {
      await own.dropInterpreter(session);
      const before = await pythons();
      const { outputs } = await own.runCell({
        interpreterId: session,
        owner: 'test',
        code: 'x',
        version: store.version(session),
        load: async () => {
          (await pythons()).filter((pid) => !before.includes(pid)).forEach(meet);
          return store.load(session);
        },
        inputs: [],
        nextVersion: 'next',
        save: (_, change) => store.save(session, 'next', change),
      });
      return JSON.stringify(outputs);
    }
    const told = JSON.stringify([{ type: 'logs', logs: '1\n' }]);

    test('comes back to a kernel that was stopped for longer than it may work', async () => {
      await using own = await openSandbox({ stateSeconds: 1 });
      await logsOf(own, 'stopped', 'x = 1');
      const stopFor = (pid: number) => {
        process.kill(pid, 'SIGSTOP');
        setTimeout(() => process.kill(pid, 'SIGCONT'), 2_500);
      };
      expect(await runMeeting(own, 'stopped', stopFor)).toBe(told);
    });

    test('stays whole when a kernel is stopped for good, and comes back to the next one', async () => {
      await using own = await openSandbox({ stateSeconds: 1 });
      await logsOf(own, 'lost', 'x = 1');
      const stop = (pid: number) => void process.kill(pid, 'SIGSTOP');
      await expect(runMeeting(own, 'lost', stop)).rejects.toMatchObject({
        name: 'SandboxUnavailableError',
        temporary: true,
      });
      expect(own.store.changes).toHaveLength(1);
      expect(await logsOf(own, 'lost', 'x')).toBe('1\n');
    });

    test('comes back to another kernel when the first one is killed', async () => {
      await logsOf(sandbox, 'killed early', 'x = 1');
      const kill = (pid: number) => void process.kill(pid, 'SIGKILL');
      expect(await runMeeting(sandbox, 'killed early', kill)).toBe(told);
    });

    test(
      'comes back beside busy loops, however long that takes',
      { timeout: 240_000 },
      async () => {
        await using own = await openSandbox({ stateSeconds: 10 });
        const code = `import time
def work():
  end = time.thread_time() + 1
  while time.thread_time() < end: pass
  return 'done'
class Work:
  def __reduce__(self): return work, ()
slow, x = Work(), 1`;
        await logsOf(own, 'busy', code);
        await own.sandbox.dropInterpreter('busy');
        using _load = busyLoops(4 * availableParallelism());
        expect(await logsOf(own, 'busy', 'slow, x')).toBe("('done', 1)\n");
      },
    );

    test('keeps a variable whose pickling waits without working', async () => {
      await here(
        'slow',
        'import time\nclass Slow:\n  def __reduce__(self):\n    time.sleep(11)\n    return Slow, ()\ns = Slow()',
      );
      expect(lastChange()?.unsaved).toEqual([]);
    });
  });

  describe('that is hostile hurts only its own kernel:', () => {
    test.each([
      ['a pickle that exits', 'raise SystemExit'],
      ['a pickle that raises what nobody catches', 'raise BaseException("x")'],
      ['a pickle that kills its process', 'import os; os._exit(1)'],
      ['a pickle that needs all memory', 'x = [bytearray(10**8) for _ in range(100)]'],
    ])('%s', { timeout: 60_000 }, async (name, body) => {
      await using hasty = await openSandbox({ stateSeconds: 3, memoryBytes: 512 * 1024 * 1024 });
      const bomb = `def boom():\n  ${body}\nclass Bomb:\n  def __reduce__(self): return boom, ()\n`;
      await logsOf(hasty, name, `kept = 1\nopen("f", "w").write("f")\n${bomb}bomb = Bomb()`);
      const next = await openSandbox({ stateSeconds: 3, memoryBytes: 512 * 1024 * 1024 });
      await using elsewhere = withStore(next.sandbox, hasty.store);
      const { status, logs } = await elsewhere.runCell(name, 'open("f").read()');
      expect(status).toBe('ok');
      expect(logs).toMatch(/^The Python session was restored\. Not restored: .*\n'f'\n$/);
    });

    test('a pickle that never ends fails the cell, and stays stored', async () => {
      await using hasty = await openSandbox({ stateSeconds: 1 });
      const bomb =
        'def boom():\n  while True: pass\nclass Bomb:\n  def __reduce__(self): return boom, ()\n';
      await logsOf(hasty, 'loop', `kept = 1\n${bomb}bomb = Bomb()`);
      const stored = hasty.store.namespace('loop');
      await hasty.sandbox.dropInterpreter('loop');
      const { status, logs } = await hasty.runCell('loop', 'kept');
      expect(status).toBe('died');
      expect(logs).toMatch(/^Python needed more than 1 s of processor time .*before this cell\.$/);
      expect(hasty.store.namespace('loop')).toBe(stored);
    });

    test('a variable whose pickling never ends is left out', { timeout: 300_000 }, async () => {
      await here(
        'endless',
        'class Endless:\n  def __reduce__(self):\n    while True: pass\ne, x = Endless(), 1',
      );
      expect(lastChange()?.unsaved).toEqual(['e']);
      expect(await elsewhere('endless', 'x')).toMatch(/Not restored: e\.\n1\n$/);
    });

    test('bytes that are no state', async () => {
      for (const namespace of [
        Buffer.alloc(0),
        Buffer.from('junk'),
        Buffer.from('{}\n'),
        Buffer.from('{"python":"x","modules":{},"names":["x"],"sources":{}}\njunk'),
      ]) {
        const result = await sandbox.sandbox.runCell({
          interpreterId: `junk ${namespace.toString()}`,
          owner: 'test',
          code: '1 + 1',
          version: 'some',
          load: () => Promise.resolve({ files: [], namespace, unsaved: [] }),
          inputs: [],
          nextVersion: 'next',
          save: () => Promise.resolve(),
        });
        expect(result.outputs).toEqual([
          { type: 'logs', logs: expect.stringMatching(/Not restored: .*\n2\n$/) },
        ]);
      }
    });
  });
});
