/** Everything the official clients can do, in short: `npm run test:clients` has the same at full length, and more. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { setUp } from '../support/runs.ts';
import { OPENAI_CLIENTS } from './openai-clients.ts';
import { scenarioReplies } from './replies.ts';
import { allPassed, runScenario } from './scenario.ts';
import type { Outcome } from './scenario.ts';

/** A slow stream has about thirty keep-alives, between any of its events and while nothing else is sent. */
const LONG_MS = 3_000;
const KEEP_ALIVE_MS = 100;

let env: Environment;
const outcomes = new Map<string, Promise<Outcome>>();
beforeAll(async () => {
  env = await Environment.start({
    sandbox: true,
    config: { streamKeepAliveMs: KEEP_ALIVE_MS, sandboxSpare: false },
  });
  for (const client of OPENAI_CLIENTS) outcomes.set(client.id, runScenario(env, client, LONG_MS));
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

test.each(OPENAI_CLIENTS)('$id passes all of its checks', { timeout: 180_000 }, async (client) => {
  const { other, ...outcome } = await outcomes.get(client.id)!;
  expect(outcome, other).toEqual(allPassed(client));
});

test('the slow streams of these checks have keep-alives between two words', async () => {
  const { assistant, threadId } = await setUp(env, [scenarioReplies(LONG_MS).silent!]);
  const response = await env.fetch(`/v1/threads/${threadId}/runs`, {
    method: 'POST',
    body: JSON.stringify({ assistant_id: assistant.id, stream: true }),
  });
  const [, between] = (await response.text()).split(/^data: .*"value":" ?(?:two|three)".*$/m);
  expect(between?.match(/^: keep-alive$/gm)?.length).toBeGreaterThan(5);
});
