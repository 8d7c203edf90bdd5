/**
 * What stands between a turn and its model: the pause of its batch, the limits of the model, and what its overloaded server
 * asked for. A turn that has to wait gives its slot back: Temporal tries it again in time, without an event in the history.
 */
import { setTimeout as delay } from 'node:timers/promises';

import { Context } from '@temporalio/activity';

import type { HeldLine } from '../db/batches/hold-turns.ts';
import { holdLine, narrowWindow } from '../db/batches/hold-turns.ts';
import type { Pool } from '../db/core/pool.ts';
import type { ModelLimits } from '../db/projects/model-rates.ts';
import { admitTurn, blockModel } from '../db/projects/model-rates.ts';
import type { BatchId } from '../wire/ids.ts';
import { HeldError } from './failures.ts';
import type { ModelServerError } from './model/server-error.ts';

/** A shorter wait is not worth another task. */
const SHORT_MS = 1_000;
/** Turns that waited for the same time do not ask in the same moment. */
const SPREAD = 0.2;
/** When an overloaded server does not say how long, and at least. */
const OVERLOAD_MS = 1_000;
const LEAST_MS = 250;

export type Gated = {
  limits: ModelLimits;
  /** Of the prompt. */
  tokens: number;
  line: HeldLine | null;
};

/** `held`: the batch is paused, and its resume signals the workflow. @throws HeldError for a wait that is long */
export async function passGate(
  pool: Pool,
  { limits, tokens, line }: Gated,
  signal: AbortSignal,
): Promise<'held' | 'passed'> {
  const isLimited = limits.requestsPerMinute !== undefined || limits.tokensPerMinute !== undefined;
  let hasWaited = Context.current().info.attempt > 1;
  for (;;) {
    let waitMs = 0;
    if (line !== null) {
      const { held, blockedMs } = await holdLine(pool, line, limits.model);
      if (held) return 'held';
      waitMs = blockedMs * (1 + SPREAD * Math.random());
    }
    if (waitMs === 0 && isLimited) {
      waitMs = await admitTurn(pool, limits, { tokens, isBatch: line !== null, hasWaited });
      hasWaited = true;
    }
    if (waitMs === 0) return 'passed';
    if (waitMs > SHORT_MS) throw new HeldError('The model is asked when its limits allow.', waitMs);
    await delay(waitMs, undefined, { signal });
  }
}

/** The server takes fewer requests than are sent: the same turn has a chance later. */
export function isOverload(error: ModelServerError): boolean {
  return error.transient && !error.outOfQuota && [429, 503, 529].includes(error.status ?? 0);
}

/** The batch asks less, and this turn later: no line fails of an overload. */
export async function yieldTo(
  pool: Pool,
  [batchId, model]: [BatchId, string],
  error: ModelServerError,
): Promise<HeldError> {
  const waitMs = Math.max(LEAST_MS, error.retryAfterMs ?? error.resetMs ?? OVERLOAD_MS);
  await narrowWindow(pool, batchId, waitMs);
  await blockModel(pool, model, waitMs);
  return new HeldError(
    'The model server is overloaded: the line waits.',
    waitMs * (1 + SPREAD * Math.random()),
  );
}
