/** Every client that speaks the whole API, with streams longer than two of the server's own keep-alives. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { COMPILED_CLIENTS } from './compiled-clients.ts';
import { FRAMEWORKS } from './frameworks.ts';
import { OPENAI_CLIENTS } from './openai-clients.ts';
import { allPassed, runScenario } from './scenario.ts';

const LONG_MS = 35_000;

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ sandbox: true, config: { sandboxSpare: false } });
  expect(env.config.streamKeepAliveMs).toBeLessThan(LONG_MS / 2);
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

test.for([...OPENAI_CLIENTS, ...COMPILED_CLIENTS, ...FRAMEWORKS])(
  '$id passes all of its checks',
  async (client, { skip }) => {
    const reason = await client.missing?.();
    if (reason !== undefined) skip(reason);
    const { other, ...outcome } = await runScenario(env, client, LONG_MS);
    expect(outcome, other).toEqual(allPassed(client));
  },
);
