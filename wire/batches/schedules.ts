/** Schedules: batches that are made again and again. An extension; the words are those of Temporal's Schedules. */
import { z } from 'zod';

import type { BatchId, Id } from '../ids.ts';
import { invalidRequest } from '../errors/errors.ts';
import { created, integer, metadata, problem, text } from '../requests/fields.ts';
import { LIMITS } from '../requests/limits.ts';
import { createBatchSchema } from './requests.ts';

const NAMES = {
  month: 'JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC',
  weekday: 'SUN|MON|TUE|WED|THU|FRI|SAT',
};
/** Smallest and largest number, and names in place of numbers. */
const CRON_FIELDS: [min: number, max: number, names?: string][] = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12, NAMES.month],
  [0, 6, NAMES.weekday],
];

/** Whether Temporal reads the five fields as cron does. What else it reads, such as years or `@every`, is refused. */
function isCron(given: string): boolean {
  const fields = given.trim().split(/\s+/);
  return (
    fields.length === CRON_FIELDS.length &&
    CRON_FIELDS.every((bounds, at) => isField(fields[at]!, bounds))
  );
}

function isField(field: string, [min, max, names = 'none']: (typeof CRON_FIELDS)[number]): boolean {
  const item = new RegExp(
    `^(?:\\*|(\\d{1,2}|${names})(?:-(\\d{1,2}|${names}))?)(?:/(\\d{1,2}))?$`,
    'i',
  );
  const numberOf = (word: string) =>
    /\d/.test(word) ? Number(word) : names.split('|').indexOf(word.toUpperCase()) + min;
  return field.split(',').every((part) => {
    const [all, first, last = first, step = '1'] = item.exec(part) ?? [];
    if (all === undefined || Number(step) === 0) return false;
    if (first === undefined) return true;
    return numberOf(first) >= min && numberOf(last!) <= max && numberOf(first) <= numberOf(last!);
  });
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

/** Offsets such as `+01:00` have no name in the database that Temporal reads. */
const timeZone = checked((name) => {
  try {
    return /^[A-Z]/.test(name) && Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch {
    return false;
  }
}, `a name of the IANA database, such as 'Europe/Rome'`);

/** One pair of the metadata is left for the schedule's id. */
const MAX_PAIRS = LIMITS.metadataPairs - 1;

/** A batch's create, whose input file may be named by the newest file with a name. */
const template = createBatchSchema
  .extend({
    input_file_id: text(LIMITS.fileId, 1).optional(),
    input_filename: text(LIMITS.filename, 1).optional(),
  })
  .check((context) => {
    const { input_file_id: id, input_filename: name, metadata: pairs } = context.value;
    if ((id === undefined) === (name === undefined)) {
      problem(context, {
        code: 'invalid_value',
        text: `Invalid '{param}': expected either 'input_file_id' or 'input_filename'.`,
      });
    }
    if (Object.keys(pairs).length > MAX_PAIRS) {
      const expected = `Invalid '{param}': expected at most ${MAX_PAIRS} pairs.`;
      problem(context, { code: 'object_above_max_properties', text: expected }, ['metadata']);
    }
  });

const settings = {
  cron,
  interval_seconds: integer(60, LIMITS.scheduleInterval),
  time_zone: timeZone,
  catchup_seconds: integer(10, LIMITS.scheduleInterval),
  overlap: z.enum(['skip', 'allow_all', 'cancel_other']),
  metadata,
};

export const createScheduleSchema = z.strictObject({
  ...created({
    cron: [settings.cron, null],
    interval_seconds: [settings.interval_seconds, null],
    time_zone: [settings.time_zone, 'UTC'],
    catchup_seconds: [settings.catchup_seconds, 3_600],
    overlap: [settings.overlap, 'skip'],
    paused: [z.boolean(), false],
    metadata: [settings.metadata, {}],
  }),
  template,
});

/** A cron expression takes the place of an interval, and the reverse. */
export const modifyScheduleSchema = z
  .strictObject({ ...settings, paused: z.boolean(), template })
  .partial();

export type ScheduleSettings = Omit<z.infer<typeof createScheduleSchema>, 'paused'>;
export type ScheduleChange = z.infer<typeof modifyScheduleSchema>;

/** @throws ApiError 400 unless there is one of both */
export function checkTimes({
  cron: expression,
  interval_seconds: seconds,
}: ScheduleSettings): void {
  if ((expression === null) !== (seconds === null)) return;
  throw invalidRequest(`Expected either 'cron' or 'interval_seconds'.`, {
    code: 'invalid_value',
    param: 'cron',
  });
}

const word = z.string();
const time = z.number().meta({ type: 'integer' });
const batchId = word.nullable() as unknown as z.ZodType<BatchId | null>;

export const schedule = z
  .object({
    id: word as unknown as z.ZodType<Id<'schedule'>>,
    object: z.literal('threadmill.schedule'),
    created_at: time,
    cron: word.nullable(),
    interval_seconds: time.nullable(),
    time_zone: word,
    catchup_seconds: time,
    overlap: settings.overlap,
    paused: z.boolean(),
    template: z.looseObject({}),
    metadata,
    /** Null while it is paused, and until Temporal has it. */
    next_firing_at: time.nullable(),
    last_batch_id: batchId,
    last_firing: z
      .object({
        at: time,
        status: z.enum(['created', 'skipped', 'failed']),
        batch_id: batchId,
        error: z
          .object({ code: word.nullable(), message: word, param: word.nullable() })
          .nullable(),
      })
      .nullable(),
  })
  .meta({ id: 'Schedule' });
export type Schedule = z.infer<typeof schedule>;
export type Firing = NonNullable<Schedule['last_firing']>;
