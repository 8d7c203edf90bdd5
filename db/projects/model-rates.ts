/**
 * Requests and tokens a minute of each model, counted for all projects and processes in one row. A bucket holds a tenth of
 * the limit and fills by nine tenths a minute, so that no minute has more than the limit. Batches use half of a bucket:
 * other runs find room at once, and have a queue of their own.
 */
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';

export type ModelLimits = {
  model: string;
  requestsPerMinute?: number | undefined;
  tokensPerMinute?: number | undefined;
};

/** `hasWaited`: it has had its place in the queue. */
export type Asker = { tokens: number; isBatch: boolean; hasWaited: boolean };

const MINUTE_MS = 60_000;
const BURST = 0.1;
/** Until an empty bucket is full. */
const BUCKET_MS = (MINUTE_MS * BURST) / (1 - BURST);
const SHARE_OF_BATCHES = 0.5;

/** What `amount` takes out of a bucket of `perMinute`, in ms. */
function costMs(amount: number, perMinute: number | undefined): number {
  return perMinute === undefined ? 0 : (amount * MINUTE_MS) / (perMinute * (1 - BURST));
}

type Rates = { requestsMs: number; tokensMs: number; queueMs: number };

/** Ms until the turn may ask again; 0: it may ask its model now, and was counted. */
export async function admitTurn(pool: Pool, limits: ModelLimits, asker: Asker): Promise<number> {
  const queue = asker.isBatch ? 'batches_at' : 'others_at';
  return withTransaction(pool, async (tx) => {
    const rates = await lockRates(tx, limits.model, queue);
    const requests = costMs(1, limits.requestsPerMinute);
    const tokens = costMs(asker.tokens, limits.tokensPerMinute);
    const size = BUCKET_MS * (asker.isBatch ? SHARE_OF_BATCHES : 1);
    const lacking = Math.max(
      rates.requestsMs + requests - Math.max(size, requests),
      // An answer may have left a debt. A prompt larger than the bucket needs a full one.
      rates.tokensMs + tokens - Math.max(size, tokens),
    );
    const isFirst = asker.hasWaited || rates.queueMs <= 0;
    if (lacking <= 0 && isFirst) {
      await charge(tx, limits.model, { requests, tokens });
      return 0;
    }
    if (asker.hasWaited) return Math.max(1, lacking);
    const waitMs = Math.max(1, lacking, rates.queueMs);
    await joinQueue(tx, [limits.model, queue], waitMs + Math.max(requests, tokens));
    return waitMs;
  });
}

const msUntil = (column: string) =>
  `greatest(0, extract(epoch from ${column} - clock_timestamp()) * 1000)::float8`;

async function lockRates(tx: Tx, model: string, queue: string): Promise<Rates> {
  const rows = await query<Rates>(
    tx,
    `model-rates.lock-${queue}`,
    `insert into model_rates (model) values ($1) on conflict (model) do update set model = excluded.model
     returning ${msUntil('requests_at')} as "requestsMs", ${msUntil('tokens_at')} as "tokensMs", ${msUntil(queue)} as "queueMs"`,
    [model],
  );
  return rows[0]!;
}

const later = (column: string, ms: string) =>
  `${column} = greatest(${column}, clock_timestamp()) + ${ms}::float8 * interval '1 ms'`;

async function charge(
  tx: Queryable,
  model: string,
  { requests, tokens }: { requests: number; tokens: number },
): Promise<void> {
  const text = `update model_rates set ${later('requests_at', '$2')}, ${later('tokens_at', '$3')} where model = $1`;
  await query(tx, 'model-rates.charge', text, [model, requests, tokens]);
}

async function joinQueue(tx: Tx, [model, queue]: [string, string], ms: number): Promise<void> {
  const text = `update model_rates set ${queue} = clock_timestamp() + $2::float8 * interval '1 ms' where model = $1`;
  await query(tx, `model-rates.join-${queue}`, text, [model, ms]);
}

/** The tokens of an answer are known when it has come. */
export async function chargeAnswer(
  db: Queryable,
  { model, tokensPerMinute }: ModelLimits,
  tokens: number,
): Promise<void> {
  if (tokensPerMinute === undefined) return;
  await charge(db, model, { requests: 0, tokens: costMs(tokens, tokensPerMinute) });
}

/** Batches leave the server of the model alone for as long as it asks. */
export async function blockModel(db: Queryable, model: string, ms: number): Promise<void> {
  await query(
    db,
    'model-rates.block',
    `insert into model_rates as m (model, blocked_until) values ($1, clock_timestamp() + $2::float8 * interval '1 ms')
     on conflict (model) do update set blocked_until = greatest(m.blocked_until, excluded.blocked_until)`,
    [model, ms],
  );
}
