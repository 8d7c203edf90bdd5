import fc from 'fast-check';
import { expect, test } from 'vitest';

import { BusyError, createShares } from '../../db/core/connection-shares.ts';

const owner = (name: string, ms = 0) => [{ name, factor: 2, ms }];

/** Takes shares until one has to wait. */
async function takeAll(take: ReturnType<typeof createShares>, name: string) {
  const taken: (() => void)[] = [];
  for (;;) {
    const one = await take(owner(name)).catch(() => undefined);
    if (one === undefined) return taken;
    taken.push(one);
  }
}

test('leaves something free, however many owners take what they can', async () => {
  const take = createShares(19);
  const counts: number[] = [];
  for (const name of ['a', 'b', 'c']) counts.push((await takeAll(take, name)).length);
  expect(counts).toEqual([13, 4, 2]);
  await expect(take(owner('d'))).rejects.toBeInstanceOf(BusyError);
});

test('limits each of the owners that a share is for', async () => {
  const take = createShares(20);
  const both = [
    { name: 'project', factor: 2, ms: 0 },
    { name: 'thread', factor: 0.25, ms: 0 },
  ];
  for (let count = 0; count < 4; count++) await take(both);
  await expect(take(both)).rejects.toBeInstanceOf(BusyError);
  await take(owner('project'));
});

test('serves who waits as shares are given back, the longest first of each owner', async () => {
  const take = createShares(4);
  const [giveBack] = await takeAll(take, 'a');
  const served: string[] = [];
  const wait = (name: string, as: string) => take(owner(name, 60_000)).then(() => served.push(as));
  const waits = [wait('a', 'a1'), wait('a', 'a2')];
  giveBack!();
  await waits[0];
  expect(served).toEqual(['a1']);
});

test('waits as long as the owner that has its share may, and not as long as another', async () => {
  const take = createShares(20);
  const thread = { name: 'thread', factor: 0.25, ms: 1 };
  const both = [{ name: 'project', factor: 2, ms: 60_000 }, thread];
  for (let count = 0; count < 4; count++) await take(both);
  await expect(take(both)).rejects.toBeInstanceOf(BusyError);
  const [giveBack] = await takeAll(take, 'project');
  const later = take([both[0]!, { ...thread, name: 'another thread' }]);
  // Until the shorter wait is over.
  await expect(take(owner('project', 5))).rejects.toBeInstanceOf(BusyError);
  giveBack!();
  expect(await later).toBeTypeOf('function');
});

test('forgets who has left, so that no share is lost', async () => {
  const take = createShares(2);
  const [giveBack] = await takeAll(take, 'a');
  const leaving = new AbortController();
  const left = take(owner('a', 60_000), leaving.signal);
  leaving.abort();
  await expect(left).rejects.toBeInstanceOf(BusyError);
  giveBack!();
  expect(await take(owner('a'))).toBeTypeOf('function');
  await expect(take(owner('a'), leaving.signal)).rejects.toBeInstanceOf(BusyError);
});

test('never gives out more than there is, and all of it once everything is given back', async () => {
  const steps = fc.array(fc.record({ name: fc.constantFrom('a', 'b', 'c'), back: fc.boolean() }));
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 9 }), steps, async (total, todo) => {
      const take = createShares(total);
      const taken: (() => void)[] = [];
      for (const { name, back } of todo) {
        if (back) taken.shift()?.();
        else await take(owner(name)).then((one) => taken.push(one)).catch(() => {}); // prettier-ignore
        expect(taken.length).toBeLessThanOrEqual(total);
      }
      for (const giveBack of taken) giveBack();
      const fresh = await takeAll(createShares(total), 'd');
      expect(await takeAll(take, 'd')).toHaveLength(fresh.length);
    }),
    { numRuns: 30 },
  );
});
