import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { runProgram } from './run-program.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ worker: false });
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

test('the official Python client stores, uploads in parts, downloads, lists and deletes', async () => {
  const server = { baseUrl: `${env.api.url}/v1`, apiKey: env.apiKey };
  const { code, stdout, stderr } = await runProgram('test/examples/python_files.py', server);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({
    named: ['größe.csv', true, 'processed'],
    same: true,
    bare: ['upload', 3600],
    refused: 'Not allowed to download files of purpose: assistants',
    upload: ['completed', 'big.csv'],
    assembled: true,
    listed: ['größe.csv', 'big.csv'],
    deleted: [true, true, true, true],
    left: 0,
  });
});
