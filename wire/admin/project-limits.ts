/** Limits of a project and of a key. An object holds only those that were set; 0 means no limit. */
import { z } from 'zod';

import { integer } from '../requests/fields.ts';
import { LIMITS } from '../requests/limits.ts';

const count = integer(0, LIMITS.maxInteger).nullish();

/** A change sets the limits that it names. Null goes back to the server's default. */
export const limitsSchema = z.strictObject({
  requests_per_minute: count,
  tokens_per_minute: count,
  runs_at_once: count,
  streams_at_once: count,
  searches_at_once: count,
  cells_at_once: count,
  ingests_at_once: count,
  /** Of a calendar month, in UTC. */
  budget_tokens: integer(0, LIMITS.maxBytes).nullish(),
  budget_usd: z.number().min(0).max(LIMITS.maxInteger).nullish(),
  quota_bytes: integer(0, LIMITS.maxBytes).nullish(),
});

/** A key has none of what its project does as a whole. */
export const keyLimitsSchema = limitsSchema.omit({
  cells_at_once: true,
  ingests_at_once: true,
  budget_tokens: true,
  budget_usd: true,
  quota_bytes: true,
});

export type LimitsChange = z.infer<typeof limitsSchema>;
export type LimitName = keyof LimitsChange;
export type Limits = Partial<Record<LimitName, number>>;
