/** How lines of batches step back: with a clock, a load and pauses of the test. */
import { expect, test } from 'vitest';

import { LinePace } from '../../activities/batches/line-pace.ts';
import { inProject } from '../../db/core/row-scope.ts';
import type { ProjectId } from '../../wire/ids.ts';

const A = 'proj_a' as ProjectId;
const B = 'proj_b' as ProjectId;
const { signal } = new AbortController();

/** Pauses take their time on the clock of the test. Each line notes its name. */
function paceOn(computer: { isBusy: boolean }) {
  let now = 0;
  const pauses: number[] = [];
  const pause = async (ms: number) => {
    // As timers do.
    await Promise.resolve();
    pauses.push(ms);
    now += Math.max(ms, 200);
  };
  const pace = new LinePace({ isBusy: () => computer.isBusy, pause, now: () => now });
  const begun: string[] = [];
  const begin = (project: ProjectId, count: number) =>
    Promise.all(
      Array.from({ length: count }, () =>
        inProject(project, () => pace.begin(signal)).then(() => begun.push(project)),
      ),
    );
  return { pace, pauses, begun, begin };
}

test('lines without other runs beside them never pause', async () => {
  const { pauses, begin } = paceOn({ isBusy: true });
  await begin(A, 100);
  expect(pauses).toEqual([]);
});

test('beside other runs on a busy computer, pauses between lines grow up to half a second', async () => {
  const { pace, pauses, begin } = paceOn({ isBusy: true });
  pace.sawOther();
  await begin(A, 8);
  expect(pauses.slice(0, 7)).toEqual([200, 400, 500, 500, 500, 500, 500]);
});

test('the first lines beside other runs pause before the load is known', async () => {
  const { pace, pauses, begin } = paceOn({ isBusy: false });
  pace.sawOther();
  await begin(A, 2);
  expect(pauses[0]).toBe(200);
});

test('the pauses shrink and end when the computer has time to spare', async () => {
  const computer = { isBusy: true };
  const { pace, pauses, begin } = paceOn(computer);
  pace.sawOther();
  await begin(A, 4);
  computer.isBusy = false;
  await begin(A, 20);
  expect(pauses.slice(4, 8)).toEqual([375, 281.25, 210.9375, 158.203125]);
  expect(pauses.length).toBeLessThan(20);
});

test('the pauses end soon after the last other run', async () => {
  const { pace, pauses, begin } = paceOn({ isBusy: true });
  pace.sawOther();
  await begin(A, 50);
  // 775 ms of growing pauses, then two a second.
  expect(pauses.length).toBeLessThan(18);
});

test('a line of another project is one of the next, however many wait', async () => {
  const { pace, begun, begin } = paceOn({ isBusy: true });
  pace.sawOther();
  await Promise.all([begin(A, 30), begin(B, 1)]);
  expect(begun.indexOf(B)).toBeLessThan(3);
});

test('a line that is cancelled while it waits leaves the others their turn', async () => {
  const { pace, begin, begun } = paceOn({ isBusy: true });
  pace.sawOther();
  const cancel = new AbortController();
  const lines = begin(A, 3);
  const cancelled = inProject(A, () => pace.begin(cancel.signal));
  const more = begin(A, 2);
  cancel.abort(new Error('The run was cancelled.'));
  await expect(cancelled).rejects.toThrow('The run was cancelled.');
  await Promise.all([lines, more]);
  expect(begun).toHaveLength(5);
});
