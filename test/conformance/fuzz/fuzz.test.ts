/**
 * Thousands of requests to every operation, described and not: no answer is a server fault, every refusal has a described
 * status and the envelope, none is late, and what is answered with success is as described. `FUZZ_SEED` and `FUZZ_RUNS` choose others.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../../support/environment.ts';
import { DEVIATIONS } from '../deviations.ts';
import { createRecorder, keyOf } from '../recorder.ts';
import { createObjects } from './objects.ts';
import type { Objects } from './objects.ts';
import { errorsOf, fuzzedRequest } from './requests.ts';
import { described, toSent } from './send.ts';
import type { Sent } from './send.ts';

const SEED = Number(process.env.FUZZ_SEED ?? 20_261_128);
const RUNS = Number(process.env.FUZZ_RUNS ?? 3_100);
const LATE_MS = 10_000;

const recorder = createRecorder();
let env: Environment;
let objects: Objects;
beforeAll(async () => {
  env = await Environment.start({ config: { downloadAssistantsFiles: true } });
  objects = await createObjects(env);
  // From here on nothing moves on by itself.
  await env.worker?.close();
  env.worker = undefined;
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

test('every answer is an answer', { timeout: 600_000 }, async () => {
  const property = fc.asyncProperty(fuzzedRequest, async (fuzzed) => {
    const sent = toSent(fuzzed, objects);
    try {
      await checkAnswer(sent, errorsOf(fuzzed.operation));
    } catch (error) {
      throw new Error(`${described(sent)}: ${String(error)}`, { cause: error });
    }
  });
  await fc.assert(property, { seed: SEED, numRuns: RUNS });
});

test('every success is as described, but for the listed deviations', async () => {
  await recorder.settled();
  const listed = DEVIATIONS.flatMap(({ at, ...what }) =>
    at.map((one) => keyOf({ at: one, ...what })),
  );
  expect([...recorder.found.values()].filter((one) => !listed.includes(keyOf(one)))).toEqual([]);
  // Or the requests have become too bold to be accepted, and try little.
  expect(recorder.answered.size).toBeGreaterThan(45);
});

async function checkAnswer({ path, ...sent }: Sent, errors: number[]): Promise<void> {
  const leaving = new AbortController();
  const late = AbortSignal.timeout(LATE_MS);
  const headers = { authorization: `Bearer ${env.apiKey}`, ...sent.headers };
  const signal = AbortSignal.any([leaving.signal, late]);
  const answer = await recorder.fetch(`${env.api.url}${path}`, { ...sent, headers, signal });
  expect(answer.status).toBeLessThan(500);
  // A stream of a run that nobody works on has no end.
  if (answer.headers.get('content-type')?.startsWith('text/event-stream')) return leaving.abort();
  const body = await answer.text();
  if (answer.ok) return;
  expect(errors).toContain(answer.status);
  const { error } = JSON.parse(body) as { error: Record<string, unknown> };
  expect(Object.keys(error).toSorted()).toEqual(['code', 'message', 'param', 'type']);
  expect(error.message).toMatch(/\S/);
}
