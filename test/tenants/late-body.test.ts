import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ worker: false });
});
afterAll(() => env[Symbol.asyncDispose]());

test('a file belongs to the project of its request, also if it arrives long after the head', async () => {
  const sent = request(`${env.api.url}/v1/files`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${env.apiKey}`,
      'content-type': 'multipart/form-data; boundary=cut',
    },
  });
  sent.flushHeaders();
  // The server has begun with the first request when it has answered others.
  for (let n = 0; n < 5; n++) await env.client.files.list();
  const part = (head: string, body: string) =>
    `--cut\r\nContent-Disposition: form-data; ${head}\r\n\r\n${body}\r\n`;
  sent.write(part('name="purpose"', 'assistants'));
  sent.end(`${part('name="file"; filename="late.txt"', 'late')}--cut--\r\n`);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  expect(await json(response)).toMatchObject({ object: 'file', filename: 'late.txt', bytes: 4 });
});
