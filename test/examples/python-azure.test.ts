import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { text, toolCalls } from '../support/fake-model.ts';
import { runProgram } from './run-program.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

test('the official AzureOpenAI client of Python does everything', async () => {
  const call = toolCalls([{ name: 'get_weather', arguments: {} }]);
  env.model.script('azure_run', call, text('Sunny.'), text('Still sunny.'));
  env.model.script('gpt-4o', text('Hi.'));
  const server = { baseUrl: `${env.api.url}/v1`, apiKey: env.apiKey };
  const { code, stdout, stderr } = await runProgram('test/examples/python_azure.py', server);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({
    indexed: 'completed',
    paused: 'requires_action',
    said: 'Sunny.',
    polled: ['Hi.', 'completed', 'Still sunny.'],
    steps: ['tool_calls', 'message_creation'],
    missing: "No assistant found with id 'asst_nobody'.",
    deleted: [true, true],
  });
});
