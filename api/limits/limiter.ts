/** Refuses requests beyond the limits of the caller's key and project. Without limits it costs no statement. */
import type { Response } from 'express';

import type { ConfigOf } from '../../config/config.ts';
import type { Logger } from '../../config/log.ts';
import type { Pool } from '../../db/core/pool.ts';
import type { SlotKind } from '../../db/projects/slots.ts';
import type { LimitName } from '../../wire/admin/project-limits.ts';
import { duration, rateLimitReached } from '../../wire/errors/limit-errors.ts';
import { callerOf } from '../http/auth.ts';
import type { OwnedLimit } from './owners.ts';
import { limitsOf } from './owners.ts';
import { createRates } from './rates.ts';
import type { Verdict } from './rates.ts';
import { createSlots } from './slots.ts';

/** Each throws ApiError 429. */
export type Limiter = Disposable & {
  /** Counts the request, and sets the `x-ratelimit-…-requests` headers. */
  countRequest(response: Response): Promise<void>;
  /** Refuses while the tokens of a minute are used up, and sets the `x-ratelimit-…-tokens` headers. */
  checkTokens(response: Response): Promise<void>;
  /** Until the response is closed. */
  holdSlot(response: Response, kind: SlotKind): Promise<void>;
};

const NAMES = { requests: 'requests per min (RPM)', tokens: 'tokens per min (TPM)' };

type Parts = { config: ConfigOf<'api'>; pool: Pool; log: Logger };

export function createLimiter({ config, pool, log }: Parts): Limiter {
  const rates = createRates(pool);
  const slots = createSlots(pool, log);
  const find = (response: Response, name: LimitName) => limitsOf(config, callerOf(response), name);
  return {
    countRequest: (response) =>
      checkRate(response, find(response, 'requests_per_minute'), rates.requests),
    checkTokens: (response) =>
      checkRate(response, find(response, 'tokens_per_minute'), rates.tokens),
    holdSlot: (response, kind) => slots.hold(response, kind, find(response, `${kind}_at_once`)),
    [Symbol.dispose]: () => slots[Symbol.dispose](),
  };
}

/** The headers show the limit with the least left. */
async function checkRate(
  response: Response,
  limits: readonly OwnedLimit[],
  take: (limit: OwnedLimit) => Promise<Verdict>,
): Promise<void> {
  let shown: Verdict | undefined;
  for (const limit of limits) {
    const verdict = await take(limit);
    if (shown === undefined || verdict.remaining < shown.remaining) shown = verdict;
    if (verdict.waitMs > 0) {
      show(response, verdict);
      const used = Math.max(limit.limit, limit.limit - verdict.remaining);
      throw rateLimitReached({ ...verdict, used, what: NAMES[verdict.type] });
    }
  }
  if (shown !== undefined) show(response, shown);
}

function show(response: Response, { type, limit, remaining, resetMs }: Verdict): void {
  response.set({
    [`x-ratelimit-limit-${type}`]: String(limit),
    [`x-ratelimit-remaining-${type}`]: String(Math.max(0, remaining)),
    [`x-ratelimit-reset-${type}`]: duration(resetMs),
  });
}
