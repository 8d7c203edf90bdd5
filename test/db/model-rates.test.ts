/** Requests and tokens a minute of a model, whoever asks. */
import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Pool } from '../../db/core/pool.ts';
import { createPool } from '../../db/core/pool.ts';
import type { Asker, ModelLimits } from '../../db/projects/model-rates.ts';
import { admitTurn, chargeAnswer } from '../../db/projects/model-rates.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

let database: Database;
/** Of two workers. */
let pools: Pool[];
beforeAll(async () => {
  database = await startDatabase();
  pools = ['a', 'b'].map((name) => createPool(database.url, { max: 4, applicationName: name }));
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  await database[Symbol.asyncDispose]();
});

const modelOf = (limits: Omit<ModelLimits, 'model'>): ModelLimits => ({
  model: randomUUID(),
  ...limits,
});
const BATCH: Asker = { tokens: 0, isBatch: true, hasWaited: false };
const OTHER: Asker = { ...BATCH, isBatch: false };

const ask = (limits: ModelLimits, asker: Asker, pool = 0) => admitTurn(pools[pool]!, limits, asker);

/** How many of so many are admitted at once by both workers. */
async function admitted(limits: ModelLimits, asker: Asker, count: number): Promise<number> {
  const waits = await Promise.all(
    Array.from({ length: count }, (_, n) => ask(limits, asker, n % 2)),
  );
  return waits.filter((ms) => ms === 0).length;
}

const after = (model: string, seconds: number) =>
  pools[0]!.query(
    `update model_rates set requests_at = requests_at - $2 * interval '1 s', tokens_at = tokens_at - $2 * interval '1 s',
       batches_at = batches_at - $2 * interval '1 s', others_at = others_at - $2 * interval '1 s' where model = $1`,
    [model, seconds],
  );

test('no minute has more requests than the limit, by two workers together', async () => {
  const limits = modelOf({ requestsPerMinute: 600 });
  const started = performance.now();
  let requests = await admitted(limits, OTHER, 80);
  expect(requests).toBeGreaterThan(50);
  for (let second = 0; second < 59; second++) {
    await after(limits.model, 1);
    requests += await admitted(limits, { ...OTHER, hasWaited: true }, 20);
  }
  // The bucket also filled while this test ran.
  const seconds = (performance.now() - started) / 1_000;
  expect(requests).toBeLessThanOrEqual(600 + 9 * seconds);
  expect(requests).toBeGreaterThan(500);
});

test('batches leave room to other runs', async () => {
  const limits = modelOf({ requestsPerMinute: 600 });
  const batches = await admitted(limits, BATCH, 80);
  expect(batches).toBeLessThan(40);
  expect(await ask(limits, OTHER)).toBe(0);
  expect(await ask(limits, BATCH)).toBeGreaterThan(0);
});

test('turns that wait have places one behind the other, and none passes them', async () => {
  const limits = modelOf({ requestsPerMinute: 60 });
  await admitted(limits, BATCH, 20);
  const first = await ask(limits, BATCH);
  const second = await ask(limits, BATCH);
  // A request of 60 a minute, of which nine tenths are handed out evenly.
  expect(second - first).toBeGreaterThan(1_000);
  expect(second - first).toBeLessThan(1_200);
  await after(limits.model, 3);
  expect(await ask(limits, BATCH)).toBeGreaterThan(second - 3_000);
  expect(await ask(limits, { ...BATCH, hasWaited: true })).toBe(0);
});

test('tokens of prompts and answers count, and a prompt beyond the bucket is asked alone', async () => {
  const limits = modelOf({ tokensPerMinute: 10_000 });
  expect(await ask(limits, { ...OTHER, tokens: 9_000 })).toBe(0);
  expect(await ask(limits, { ...OTHER, tokens: 1 })).toBeGreaterThan(50_000);
  await after(limits.model, 61);
  expect(await ask(limits, { ...OTHER, tokens: 1, hasWaited: true })).toBe(0);
  await chargeAnswer(pools[0]!, limits, 3_000);
  expect(await ask(limits, { ...OTHER, tokens: 1, hasWaited: true })).toBeGreaterThan(10_000);
});

test('a limit of one request a minute admits one', async () => {
  const limits = modelOf({ requestsPerMinute: 1 });
  expect(await admitted(limits, BATCH, 4)).toBe(1);
});
