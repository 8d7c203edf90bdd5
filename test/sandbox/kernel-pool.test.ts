import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { InterpreterClosedError } from '../../sandbox/index.ts';
import { logsOf, openSandbox, PRINT_NAMESPACE, processesIn } from './support/index.ts';
import type { TestSandbox } from './support/index.ts';

const sandbox = await openSandbox();
const ENDLESS = 'while True: pass';

describe.skipIf(!sandbox.status.ok)('sessions', () => {
  afterAll(() => sandbox[Symbol.asyncDispose]());
  const gone = (namespace: string) => expect.poll(() => processesIn(namespace)).toEqual([]);

  test('do not see each other: variables, files, processes, sockets', async () => {
    await logsOf(
      sandbox,
      'one',
      'secret = 1\nopen("/mnt/data/f", "w").write("x"); open("/tmp/f", "w").write("x")',
    );
    await logsOf(
      sandbox,
      'one',
      'import socket\ns = socket.socket(socket.AF_UNIX)\ns.bind("\\0shared")\ns.listen()',
    );
    const code = `
import os, socket
print('secret' in globals(), os.listdir('/mnt/data'), os.listdir('/tmp'), os.listdir('/dev/shm'))
print(sorted(int(name) for name in os.listdir('/proc') if name.isdigit()))
try: socket.socket(socket.AF_UNIX).connect('\\0shared')
except OSError as error: print(error.strerror)`;
    expect(await logsOf(sandbox, 'two', code)).toBe('False [] [] []\n[1, 2]\nConnection refused\n');
  });

  test('run their cells one after another, and different sessions side by side', async () => {
    const cells = [0, 1, 2].map((n) =>
      logsOf(sandbox, 'order', `seen = globals().get("seen", []) + [${n}]\nseen`),
    );
    expect(await Promise.all(cells)).toEqual(['[0]\n', '[0, 1]\n', '[0, 1, 2]\n']);
    const stop = new AbortController();
    const busy = sandbox.runCell('busy', ENDLESS, { signal: stop.signal });
    expect(await logsOf(sandbox, 'free', '1')).toBe('1\n');
    stop.abort();
    await expect(busy).rejects.toThrow();
  });

  test('end an aborted cell at once, with every process of it', async () => {
    const namespace = await logsOf(sandbox, 'aborted', `x = 1\n${PRINT_NAMESPACE}`);
    const stop = new AbortController();
    const reason = new Error('the run was cancelled');
    const cell = sandbox.runCell(
      'aborted',
      `import subprocess\nx = 2\nsubprocess.Popen(["sleep", "99"])\n${ENDLESS}`,
      {
        signal: stop.signal,
      },
    );
    await expect.poll(() => processesIn(namespace)).toHaveLength(3);
    const started = performance.now();
    stop.abort(reason);
    await expect(cell).rejects.toBe(reason);
    expect(performance.now() - started).toBeLessThan(5_000);
    await gone(namespace);
    expect(await logsOf(sandbox, 'aborted', 'x')).toBe('1\n');
  });

  test('do not run a cell that was aborted before its turn, and leave the running one alone', async () => {
    const waiting = new AbortController();
    const first = sandbox.runCell('turns', 'import time\nmark = 1\ntime.sleep(0.3)\nmark');
    const second = sandbox.runCell('turns', 'mark = 2', { signal: waiting.signal });
    waiting.abort(new Error('not needed'));
    await expect(second).rejects.toThrow('not needed');
    expect((await first).logs).toBe('1\n');
    expect(await logsOf(sandbox, 'turns', 'mark')).toBe('1\n');
    await expect(
      sandbox.runCell('turns', 'mark', { signal: AbortSignal.abort(new Error('late')) }),
    ).rejects.toThrow('late');
    expect(await logsOf(sandbox, 'turns', 'mark')).toBe('1\n');
  });

  test('start anew after they were dropped, without a word of it', async () => {
    const namespace = await logsOf(sandbox, 'dropped', `x = 1\n${PRINT_NAMESPACE}`);
    await sandbox.dropInterpreter('dropped');
    await gone(namespace);
    expect(await logsOf(sandbox, 'dropped', '"x" in globals()')).toBe('False\n');
    await sandbox.dropInterpreter('never seen');
  });

  test('that are dropped end their running and waiting cells', async () => {
    const namespace = await logsOf(sandbox, 'cut', PRINT_NAMESPACE);
    const cells = [sandbox.runCell('cut', ENDLESS), sandbox.runCell('cut', '1')];
    const refused = cells.map((cell) => expect(cell).rejects.toThrow(InterpreterClosedError));
    await sandbox.dropInterpreter('cut');
    await Promise.all(refused);
    await gone(namespace);
  });

  test('give way to others when there are too many, the longest unused first', async () => {
    await using small = await openSandbox({ maxKernels: 2 });
    const first = await logsOf(small, 'first', PRINT_NAMESPACE);
    const second = await logsOf(small, 'second', `x = 2\n${PRINT_NAMESPACE}`);
    // Its namespace's number may be given to the next one.
    const processes = await processesIn(second);
    await logsOf(small, 'first', '1');
    await logsOf(small, 'third', '1');
    expect(await processesIn(first)).toHaveLength(2);
    expect((await processesIn(second)).filter((id) => processes.includes(id))).toEqual([]);
    expect(await logsOf(small, 'second', 'x')).toBe('2\n');
  });

  test('wait for a place while all are busy', async () => {
    await using small = await openSandbox({ maxKernels: 1 });
    const stop = new AbortController();
    const busy = small.runCell('busy', ENDLESS, { signal: stop.signal });
    const waiting = small.runCell('waiting', '"my turn"');
    const impatient = small.runCell('impatient', '1', { signal: AbortSignal.timeout(50) });
    await expect(impatient).rejects.toThrow(/timeout/);
    stop.abort();
    await expect(busy).rejects.toThrow();
    expect((await waiting).logs).toBe("'my turn'\n");
  });

  test('stand still between cells, with what a cell left running', async () => {
    const namespace = await logsOf(
      sandbox,
      'still',
      `${PRINT_NAMESPACE}
import subprocess, threading
def work():
    while True: pass
def start(): subprocess.Popen(['sleep', '99'])
threading.Thread(target=work, daemon=True).start()
threading.Timer(0.02, start).start()`,
    );
    await expect.poll(() => statesIn(namespace)).toEqual(new Set(['T']));
    expect(await logsOf(sandbox, 'still', 'threading.active_count() > 1')).toBe('True\n');
    expect(await processesIn(namespace)).toHaveLength(2);
    await sandbox.dropInterpreter('still');
    await gone(namespace);
  });

  test('go on after they stood still while a thread was starting processes', async () => {
    const START = `${PRINT_NAMESPACE}
import subprocess, threading
def work():
    while True: subprocess.Popen(['true']).wait()
threading.Thread(target=work, daemon=True).start()`;
    const standStillTwice = async (name: string) => {
      for (let round = 0; round < 2; round += 1) {
        const namespace = await logsOf(sandbox, name, START);
        await expect.poll(() => statesIn(namespace)).toEqual(new Set(['T']));
        expect(await logsOf(sandbox, name, '6 * 7')).toBe('42\n');
        await sandbox.dropInterpreter(name);
      }
    };
    await Promise.all(['a', 'b', 'c', 'd'].map((id) => standStillTwice(`starts ${id}`)));
  });

  test('end after a while without cells', async () => {
    await using brief = await openSandbox({ idleSeconds: 0.05 });
    const namespace = await logsOf(brief, 'idle', `x = 3\n${PRINT_NAMESPACE}`);
    await gone(namespace);
    expect(await logsOf(brief, 'idle', 'x')).toBe('3\n');
  });

  describe('with a spare kernel', () => {
    const packages = sandbox.status.packages.map((entry) => entry.split(' ')[0]);
    const WARM = 'import sys\n"pandas" in sys.modules, "warm" in globals(), __name__';
    const warm = (spared: TestSandbox, session: string) =>
      expect
        .poll(
          async () => {
            const text = await logsOf(spared, session, WARM);
            await spared.dropInterpreter(session);
            return text;
          },
          { timeout: 120_000, interval: 200 },
        )
        .toBe("(True, False, '__main__')\n");

    test.skipIf(!packages.includes('pandas'))(
      'take one that has the large packages imported, and another is made',
      { timeout: 300_000 },
      async () => {
        await using spared = await openSandbox({ spare: true, maxKernels: 3 });
        await warm(spared, 'first');
        await warm(spared, 'second');
        // Its own cells are counted from 1, like those of any other.
        expect((await spared.runCell('third', '1 / 0')).logs).toContain('"<cell 1>"');
      },
    );

    test('have its place when they need one', { timeout: 60_000 }, async () => {
      await using spared = await openSandbox({ spare: true, maxKernels: 2 });
      const cells = ['a', 'b', 'c', 'd'].map((id) => logsOf(spared, id, `"${id}"`));
      expect(await Promise.all(cells)).toEqual(["'a'\n", "'b'\n", "'c'\n", "'d'\n"]);
    });

    test('start ten at once', { timeout: 60_000 }, async () => {
      await using spared = await openSandbox({ spare: true, maxKernels: 12 });
      const cells = Array.from({ length: 10 }, (_, n) => logsOf(spared, `s${n}`, `${n}`));
      expect(await Promise.all(cells)).toEqual(Array.from({ length: 10 }, (_, n) => `${n}\n`));
    });
  });

  test('all end when the sandbox is disposed of, and no cell runs after that', async () => {
    const closing = await openSandbox();
    const namespaces = await Promise.all(
      ['a', 'b'].map((id) => logsOf(closing, id, PRINT_NAMESPACE)),
    );
    const running = expect(closing.runCell('a', ENDLESS)).rejects.toThrow(InterpreterClosedError);
    await closing[Symbol.asyncDispose]();
    await running;
    for (const namespace of namespaces) await gone(namespace);
    await expect(closing.runCell('a', '1')).rejects.toThrow(InterpreterClosedError);
  });

  test('all end when this process is killed', async () => {
    const script = new URL('support/hold-session.ts', import.meta.url).pathname;
    const holder = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [namespace] = (await once(holder.stdout.setEncoding('utf8'), 'data')) as [string];
    await expect.poll(() => processesIn(namespace)).toHaveLength(3);
    holder.kill('SIGKILL');
    await gone(namespace);
  });
});

/** States of all threads, such as T for a stopped one, but those of the first process: it does nothing but wait. */
async function statesIn(namespace: string): Promise<Set<string>> {
  const [, ...ids] = await processesIn(namespace);
  const states = await Promise.all(
    ids.map(async (id) => {
      const threads = await readdir(`/proc/${id}/task`).catch(() => []);
      const stats = threads.map((thread) => readFile(`/proc/${id}/task/${thread}/stat`, 'utf8'));
      // A thread that has ended since it was listed is looked at again.
      const lines = await Promise.all(stats.map((stat) => stat.catch(() => '(ended) ?')));
      return lines.map((line) => line.charAt(line.lastIndexOf(')') + 2));
    }),
  );
  return new Set(states.flat());
}
