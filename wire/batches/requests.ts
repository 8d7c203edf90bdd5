/** Bodies of the batch endpoints, and the lines of a batch's input file. */
import { z } from 'zod';
import {
  created,
  EXTENSION,
  flag,
  integer,
  metadata,
  or,
  problem,
  text,
} from '../requests/fields.ts';
import { LIMITS } from '../requests/limits.ts';

/** Lines of a batch of runs may also name a thread in their url. */
export const RUNS_ENDPOINT = '/v1/threads/runs';

/** Lines of the others pass to the server of their model. */
const BATCH_ENDPOINTS = [
  RUNS_ENDPOINT,
  '/v1/responses',
  '/v1/chat/completions',
  '/v1/embeddings',
  '/v1/completions',
] as const;

const HOUR = 3_600;

/** Hours or days. `24h` is the published one. */
const completionWindow = z.string().check((context) => {
  const seconds = windowSeconds(context.value);
  if (seconds >= HOUR && seconds <= LIMITS.batchWindow) return;
  problem(context, {
    code: 'invalid_value',
    text: "Invalid '{param}': expected '24h', or from '1h' to '720h', or from '1d' to '30d'.",
  });
});

/** NaN for a text that is no window. */
export function windowSeconds(given: string): number {
  const [, count, unit] = /^(\d{1,3})([hd])$/.exec(given) ?? [];
  return Number(count) * (unit === 'd' ? 24 * HOUR : HOUR);
}

const settings = {
  /** Lines that run at once. */
  window: integer(1, LIMITS.batchRunning),
  /** Of Temporal: 1 is served first, and 3 is that of runs that are not of a batch. */
  priority: integer(1, 5),
  paused: z.boolean(),
};

/** A field that is null has no limit. */
const budget = z.strictObject({
  tokens: integer(1, LIMITS.maxBytes).nullish(),
  usd: z.number().positive('decimal').max(LIMITS.maxInteger, 'decimal').nullish(),
  on_exceeded: z.enum(['pause', 'end']).optional(),
});

const newSettings = z.strictObject(
  created({
    window: [settings.window, 32],
    priority: [settings.priority, 4],
    paused: [settings.paused, false],
    on_requires_action: [z.enum(['wait', 'fail']), 'wait'],
    resume_from: [text(LIMITS.fileId, 1), null],
    budget: [budget, {}],
  }),
);

/** `dry_run`: the input is read and its cost estimated, and nothing runs. */
export const createBatchQuery = z.object({ dry_run: flag.meta(EXTENSION) });

export const createBatchSchema = z.strictObject({
  input_file_id: text(LIMITS.fileId, 1),
  endpoint: z.enum(BATCH_ENDPOINTS),
  completion_window: completionWindow,
  metadata: or(metadata, {}),
  output_expires_after: z
    .strictObject({
      anchor: z.literal('created_at'),
      seconds: integer(LIMITS.fileExpiryMin, LIMITS.fileExpiryMax),
    })
    .nullish(),
  'x-threadmill': newSettings
    .nullish()
    .transform((given) => given ?? newSettings.parse({}))
    .meta(EXTENSION),
});
export type CreateBatchParams = z.infer<typeof createBatchSchema>;

/** What changes while the batch is under way. */
export const modifyBatchSchema = z.strictObject({
  'x-threadmill': z.strictObject({
    window: settings.window.optional(),
    priority: settings.priority.optional(),
    paused: settings.paused.optional(),
    budget: budget.optional(),
  }),
});
export type BatchChange = z.infer<typeof modifyBatchSchema>['x-threadmill'];

/** What has to be known of a body that passes to a model server. */
export const passedBodySchema = z.looseObject({
  model: text(LIMITS.model, 1),
  stream: or(z.boolean(), false),
  previous_response_id: z.string().nullish(),
});

/** One line, whose body its url's own schema checks. */
export const batchLineSchema = z.strictObject({
  custom_id: text(LIMITS.customId, 1),
  method: z.literal('POST'),
  url: z.string(),
  body: z.record(z.string(), z.unknown()),
});
