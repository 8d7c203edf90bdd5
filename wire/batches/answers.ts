/** The object of a batch, as published, with this server's own settings beside it. */
import type { OpenAI } from 'openai';
import { z } from 'zod';

import { each, idOf, integer, nullableInteger, nullableText, text } from '../answers.ts';
import { EXTENSION, metadata } from '../requests/fields.ts';

/** Why the server pauses a batch by itself. */
const FOUND_REASONS = ['budget_exceeded', 'insufficient_quota'] as const;
export type FoundReason = (typeof FOUND_REASONS)[number];

const error = z.object({
  ...each(text, 'code', 'message'),
  param: nullableText,
  line: nullableInteger,
});

const usage = z.object({
  input_tokens: integer,
  input_tokens_details: z.object({ cached_tokens: integer }),
  output_tokens: integer,
  output_tokens_details: z.object({ reasoning_tokens: integer }),
  total_tokens: integer,
});

/** By a sample of the lines. Null: unknown, because a line sets no bound for its answer, or its model has no price. */
const estimate = z.object({
  ...each(integer, 'requests', 'sampled_requests', 'input_tokens'),
  max_output_tokens: nullableInteger,
  ...each(z.number().nullable(), 'input_usd', 'max_usd'),
});

export const batchSettings = z.object({
  window: integer,
  /** Less than `window` while a model server is overloaded. */
  current_window: integer,
  priority: integer,
  paused: z.boolean(),
  /** Null: it is not paused. */
  pause_reason: z.enum(['requested', ...FOUND_REASONS]).nullable(),
  on_requires_action: z.enum(['wait', 'fail']),
  resume_from: nullableText,
  /** Lines that were taken over from that batch. */
  resumed: integer,
  budget: z.object({
    tokens: nullableInteger,
    usd: z.number().nullable(),
    on_exceeded: z.enum(['pause', 'end']),
  }),
  /** Of its lines so far, by the prices of the models file. */
  cost_usd: z.number(),
  dry_run: z.boolean(),
  /** Of a dry run that has ended. */
  estimate: estimate.nullable(),
});

export const batch = z
  .object({
    id: idOf('batch'),
    object: z.literal('batch'),
    endpoint: text,
    /** Of requests that pass to one model. */
    model: text.optional(),
    errors: z.object({ object: z.literal('list'), data: z.array(error) }).nullable(),
    input_file_id: text,
    completion_window: text,
    status: z.enum([
      'validating',
      'failed',
      'in_progress',
      'finalizing',
      'completed',
      'expired',
      'cancelling',
      'cancelled',
    ]),
    ...each(nullableText, 'output_file_id', 'error_file_id'),
    created_at: integer,
    ...each(nullableInteger, 'in_progress_at', 'expires_at', 'finalizing_at', 'completed_at'),
    ...each(nullableInteger, 'failed_at', 'expired_at', 'cancelling_at', 'cancelled_at'),
    request_counts: z.object(each(integer, 'total', 'completed', 'failed')),
    usage: usage.nullable(),
    metadata,
    'x-threadmill': batchSettings.meta(EXTENSION),
  })
  .meta({ id: 'Batch' }) satisfies z.ZodType<Nullable<OpenAI.Batches.Batch>>;

/** The client's type has no null for its optional fields, and the wire does. */
type Nullable<T> = { [K in keyof T]: T[K] | null };
