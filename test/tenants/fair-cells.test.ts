/** Cells of one project beside any number of another's. */
import { afterAll, describe, expect, test } from 'vitest';

import { Shares } from '../../sandbox/pool/shares.ts';
import { openSandbox, PRINT_NAMESPACE, processesIn } from '../sandbox/support/index.ts';
import { openRemote, startSandboxd } from '../sandbox/support/sandboxd.ts';

const never = new AbortController().signal;
const ENDLESS = 'while True: pass';

describe('places that are shared out', () => {
  const makeRoom = () => Promise.resolve(false);
  const sharesOf = (most: number) => new Shares({ places: most + 1, most, makeRoom });
  /** Asks for a place and notes who got one. */
  function asking(shares: Shares, order: string[]) {
    return (owner: string, signal = never) =>
      shares.acquire(owner, signal).then(() => void order.push(owner));
  }
  const settled = () => new Promise(setImmediate);

  test('go to owners in turn, whoever asked first and however often', async () => {
    const order: string[] = [];
    const shares = sharesOf(2);
    const ask = asking(shares, order);
    const all = ['a', 'a', 'a', 'a', 'b', 'b', 'c'].map((owner) => ask(owner));
    await settled();
    expect(order).toEqual(['a', 'a', 'b']);
    for (const owner of ['a', 'b', 'a', 'c']) {
      shares.release(owner);
      await settled();
    }
    await Promise.all(all);
    expect(order).toEqual(['a', 'a', 'b', 'c', 'b', 'a', 'a']);
  });

  test('are one more than an owner can have, for an owner without a place', async () => {
    const order: string[] = [];
    const ask = asking(sharesOf(2), order);
    for (const owner of ['a', 'a', 'a', 'a', 'b']) void ask(owner);
    await settled();
    expect(order).toEqual(['a', 'a', 'b']);
  });

  test('wake one waiter of each owner, however many wait', async () => {
    let asked = 0;
    const shares = new Shares({
      places: 2,
      most: 2,
      makeRoom: () => {
        asked += 1;
        return Promise.resolve(false);
      },
    });
    const order: string[] = [];
    const ask = asking(shares, order);
    const all = Array.from({ length: 302 }, (_, n) => ask(`${n % 2}`));
    await settled();
    expect(order).toEqual(['0', '1']);
    asked = 0;
    for (let n = 2; n < 302; n++) {
      shares.release(`${n % 2}`);
      await settled();
    }
    await Promise.all(all);
    expect(asked).toBeLessThan(4 * 300);
  });

  test('pass over an owner that went away', async () => {
    const order: string[] = [];
    const shares = sharesOf(1);
    const ask = asking(shares, order);
    await ask('a');
    await ask('x');
    const gone = new AbortController();
    const given = expect(ask('b', gone.signal)).rejects.toThrow('gone');
    const next = ask('c');
    gone.abort(new Error('gone'));
    await given;
    shares.release('a');
    await next;
    expect(order).toEqual(['a', 'x', 'c']);
    expect(shares.held('b')).toBe(0);
  });
});

const sandbox = await openSandbox({ maxKernels: 3 });

describe.skipIf(!sandbox.status.ok)('a cell of project B', () => {
  afterAll(() => sandbox[Symbol.asyncDispose]());

  test('is the next that starts beside twelve cells of A that do not end', async () => {
    const stop = new AbortController();
    const options = { owner: 'a', signal: stop.signal };
    const flood = Array.from({ length: 12 }, (_, n) =>
      expect(sandbox.runCell(`a${n}`, ENDLESS, options)).rejects.toThrow(),
    );
    const { logs } = await sandbox.runCell('b', 'print(1)', { owner: 'b' });
    expect(logs).toBe('1\n');
    stop.abort();
    await Promise.all(flood);
  });

  test('waits for another cell of B where the project may run one at once', async () => {
    const stop = new AbortController();
    const one = { owner: 'b', most: 1 };
    const busy = sandbox.runCell('busy', ENDLESS, { ...one, signal: stop.signal });
    const impatient = { ...one, signal: AbortSignal.timeout(300) };
    await expect(sandbox.runCell('late', '1', impatient)).rejects.toThrow(/timeout/);
    stop.abort();
    await expect(busy).rejects.toThrow();
    expect((await sandbox.runCell('late', '1', one)).logs).toBe('1\n');
  });

  test('finds its variables in its kernel however many threads A begins', async () => {
    const before = await sandbox.runCell('kept', `x = 1\n${PRINT_NAMESPACE}`, { owner: 'b' });
    for (let n = 0; n < 6; n++) await sandbox.runCell(`new${n}`, '1', { owner: 'a' });
    expect(await processesIn(before.logs)).not.toEqual([]);
    expect((await sandbox.runCell('kept', 'x', { owner: 'b' })).logs).toBe('1\n');
  });

  test('gets a kernel of a sandboxd whose other kernels a second worker has for A', async () => {
    await using sandboxd = await startSandboxd({ SANDBOX_MAX_KERNELS: '2' });
    await using first = await openRemote(sandboxd.address);
    await using second = await openRemote(sandboxd.address);
    const stop = new AbortController();
    const options = { owner: 'a', signal: stop.signal };
    const flood = [first, second].flatMap((worker, w) =>
      [0, 1, 2].map((n) => expect(worker.runCell(`a${w}${n}`, ENDLESS, options)).rejects.toThrow()),
    );
    expect(await second.runCell('b', 'print(1)', { owner: 'b' })).toMatchObject({ logs: '1\n' });
    stop.abort();
    await Promise.all(flood);
  });
});
