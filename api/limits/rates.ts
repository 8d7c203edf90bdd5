/**
 * Requests and tokens a minute. A process takes requests out of the shared bucket in small leases, and remembers until when
 * a bucket is empty, so that neither a high limit nor a flood of refused requests costs a statement a request.
 */
import type { Pool } from '../../db/core/pool.ts';
import { openTokens, takeRequests } from '../../db/projects/rate-buckets.ts';
import type { OwnedLimit } from './owners.ts';

/** What the headers say. `waitMs` 0: the request may go on. */
export type Verdict = OwnedLimit & {
  type: 'requests' | 'tokens';
  remaining: number;
  resetMs: number;
  waitMs: number;
};

export type Rates = Record<'requests' | 'tokens', (limit: OwnedLimit) => Promise<Verdict>>;

/** `left`: leased and not used. The others are moments of performance.now(). */
type State = { left: number; fullAt: number; emptyUntil: number };

const MINUTE_MS = 60_000;
/** A lease is this part of a limit: a process can hold back no more. */
const LEASES = 50;
const MAX_STATES = 10_000;

export function createRates(pool: Pool): Rates {
  const states = new Map<string, State>();
  const stateOf = (type: string, { owner, limit }: OwnedLimit) => {
    const name = `${type} ${owner} ${limit}`;
    const state = states.get(name) ?? { left: 0, fullAt: 0, emptyUntil: 0 };
    if (states.size >= MAX_STATES) states.clear();
    states.set(name, state);
    return state;
  };
  return {
    async requests(limit) {
      const state = stateOf('requests', limit);
      if (!isEmpty(state)) {
        if (state.left > 0) state.left -= 1;
        else await lease(pool, state, limit);
      }
      return verdictOf('requests', limit, state);
    },
    async tokens(limit) {
      const state = stateOf('tokens', limit);
      if (!isEmpty(state)) fill(state, limit, await openTokens(pool, bucketOf(limit)));
      return verdictOf('tokens', limit, state);
    },
  };
}

const isEmpty = ({ emptyUntil }: State) => emptyUntil > performance.now();
const bucketOf = ({ limit, ...owner }: OwnedLimit) => ({ ...owner, perMinute: limit });

async function lease(pool: Pool, state: State, limit: OwnedLimit): Promise<void> {
  const bucket = bucketOf(limit);
  for (const size of new Set([Math.max(1, Math.floor(limit.limit / LEASES)), 1])) {
    const { taken, fullInMs } = await takeRequests(pool, bucket, size);
    fill(state, limit, fullInMs);
    if (taken) {
      state.emptyUntil = 0;
      state.left += size - 1;
      return;
    }
    // Another process may have taken the last one after the statement began.
    state.emptyUntil = Math.max(state.emptyUntil, performance.now() + 1);
  }
}

/** Of a bucket that has less than one, `emptyUntil` is when it will have one. */
function fill(state: State, { limit }: OwnedLimit, fullInMs: number): void {
  const now = performance.now();
  state.fullAt = now + fullInMs;
  state.emptyUntil = now + Math.max(0, fullInMs - MINUTE_MS + MINUTE_MS / limit);
}

function verdictOf(type: Verdict['type'], owned: OwnedLimit, state: State): Verdict {
  const now = performance.now();
  const resetMs = Math.max(0, state.fullAt - now);
  const inBucket = Math.floor(((MINUTE_MS - resetMs) * owned.limit) / MINUTE_MS);
  const waitMs = Math.max(0, state.emptyUntil - now);
  const remaining = Math.min(owned.limit, inBucket + state.left);
  return { ...owned, type, remaining, resetMs, waitMs };
}
