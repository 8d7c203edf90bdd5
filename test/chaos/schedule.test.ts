/** The schedule of faults comes from the seed alone. */
import { expect, test } from 'vitest';

import type { ScheduleOptions } from './nemesis/schedule.ts';
import { makeSchedule } from './nemesis/schedule.ts';
import { seeded } from './random.ts';

const OPTIONS: ScheduleOptions = {
  seconds: 900,
  longestOutage: 60,
  code: true,
  disk: true,
  clocks: ['api1', 'worker1'],
};

test('the same seed makes the same schedule, and another seed another one', () => {
  const schedule = makeSchedule(seeded(7), OPTIONS);
  expect(makeSchedule(seeded(7), OPTIONS)).toEqual(schedule);
  expect(makeSchedule(seeded(8), OPTIONS)).not.toEqual(schedule);
});

test('a quarter of an hour has every fault of every part', () => {
  const schedule = makeSchedule(seeded(7), OPTIONS);
  const faults = new Set(schedule.map(({ kind, target }) => `${kind} ${target}`));
  for (const part of ['api0', 'api1', 'worker0', 'worker1', 'sandboxd']) {
    expect(faults).toContain(`kill ${part}`);
  }
  for (const part of ['postgres', 'temporal', 'model', 'sandboxd']) {
    expect([...faults].some((name) => name.endsWith(` ${part}`))).toBe(true);
  }
  const kinds = new Set(schedule.map(({ kind }) => kind));
  expect([...kinds].toSorted()).toEqual(
    'clock crash cut freeze full-disk half-open kill kill-backend lose-answer outage partition restart-fast restart-immediate silence slow terminate'.split(
      ' ',
    ),
  );
});

test('what the computer does not have is left out', () => {
  const schedule = makeSchedule(seeded(7), { ...OPTIONS, code: false, disk: false, clocks: [] });
  const parts = schedule.flatMap(({ kind, target }) => [kind, ...target.split('-')]);
  for (const name of ['sandboxd', 'full-disk', 'clock']) expect(parts).not.toContain(name);
});
