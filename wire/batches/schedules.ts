/** Schedules: batches that are made again and again. An extension; the words are those of Temporal's Schedules. */
import { z } from 'zod';

import { idOf, integer as time, nullableInteger, nullableText, text as word } from '../answers.ts';
import { integer, or, problem, text } from '../requests/fields.ts';
import { LIMITS } from '../requests/limits.ts';
import { createBatchSchema } from './requests.ts';

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
type Bounds = [min: number, max: number, names?: string[]];
const CRON_FIELDS: Bounds[] = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12, MONTHS],
  // As in most crons, 7 is Sunday too.
  [0, 7, WEEKDAYS],
];

/** Temporal would refuse another one later, and reads more than cron has, such as years or `@every`. */
function isCron(given: string): boolean {
  const fields = given.trim().split(/\s+/);
  return (
    fields.length === CRON_FIELDS.length &&
    CRON_FIELDS.every((bounds, at) => fields[at]!.split(',').every((part) => isPart(part, bounds)))
  );
}

function isPart(part: string, [min, max, names = []]: Bounds): boolean {
  const [, range, step = '1'] = /^(\*|[^/]+)(?:\/(\d{1,2}))?$/.exec(part) ?? [];
  if (range === undefined || Number(step) === 0) return false;
  if (range === '*') return true;
  const numbers = range.split('-').map((word) => {
    const named = names.indexOf(word.toUpperCase());
    return named >= 0 ? named + min : /^\d{1,2}$/.test(word) ? Number(word) : NaN;
  });
  const [first = NaN, last = first] = numbers;
  return numbers.length <= 2 && min <= first && first <= last && last <= max;
}

/** Of a cron expression, and of a time zone. */
const MAX_TEXT = 200;

const checked = (isGood: (value: string) => boolean, expected: string) =>
  text(MAX_TEXT, 1).check((context) => {
    if (isGood(context.value)) return;
    problem(context, { code: 'invalid_value', text: `Invalid '{param}': expected ${expected}.` });
  });

const cron = checked(
  isCron,
  `five fields as in '0 2 * * MON-FRI': minute, hour, day of the month, month, day of the week`,
);

/** Names of three letters that Temporal's time zones have. `Intl` knows others too, such as `PST`. */
const SHORT_ZONES = ['UTC', 'GMT', 'UCT', 'EST', 'MST', 'HST', 'CET', 'EET', 'MET', 'WET'];

/** Offsets such as `+01:00` have no name in the database that Temporal reads. */
const timeZone = checked((name) => {
  try {
    if (name.length === 3 && !SHORT_ZONES.includes(name)) return false;
    return /^[A-Z]/.test(name) && Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch {
    return false;
  }
}, `a name of the IANA database, such as 'Europe/Rome'`);

/** One pair of the metadata is left for the schedule's id. */
const MAX_PAIRS = LIMITS.metadataPairs - 1;

const template = createBatchSchema.check((context) => {
  if (Object.keys(context.value.metadata).length <= MAX_PAIRS) return;
  const expected = `Invalid '{param}': expected at most ${MAX_PAIRS} pairs.`;
  problem(context, { code: 'object_above_max_properties', text: expected }, ['metadata']);
});

export const createScheduleSchema = z.strictObject({
  cron,
  time_zone: or(timeZone, 'UTC'),
  catchup_seconds: or(integer(10, LIMITS.catchup), 3_600),
  paused: or(z.boolean(), false),
  template,
});

/** Another cron expression or template is another schedule. */
export const modifyScheduleSchema = z.strictObject({ paused: z.boolean() });

export type NewSchedule = z.infer<typeof createScheduleSchema>;
export type ScheduleSettings = Omit<NewSchedule, 'paused'>;

const batchId = idOf('batch').nullable();

export const schedule = z
  .object({
    id: idOf('schedule'),
    object: z.literal('threadmill.schedule'),
    created_at: time,
    cron: word,
    time_zone: word,
    catchup_seconds: time,
    paused: z.boolean(),
    template: z.looseObject({}),
    /** Null while it is paused, and until Temporal has it. */
    next_firing_at: nullableInteger,
    last_batch_id: batchId,
    last_firing: z
      .object({
        at: time,
        status: z.enum(['created', 'skipped', 'failed']),
        batch_id: batchId,
        error: z.object({ code: nullableText, message: word, param: nullableText }).nullable(),
      })
      .nullable(),
  })
  .meta({ id: 'Schedule' });
export type Schedule = z.infer<typeof schedule>;
export type Firing = NonNullable<Schedule['last_firing']>;
