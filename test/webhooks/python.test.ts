/** The official Python client makes an endpoint and verifies what is sent there. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { pythonWithOpenai } from '../support/python.ts';
import { Receiver } from './receiver.ts';

const MAKE = `
import json, openai, sys
client = openai.OpenAI()
made = client.webhooks.create(name="a receiver", url=sys.argv[1], event_types=["batch.completed", "thread.run.failed"])
tested = client.webhooks.test(made.id, event_type="batch.completed")
assert tested.status_code == 204, tested
assert [each.id for each in client.webhooks.list()] == [made.id]
print(made.signing_secret)
`;

const UNWRAP = `
import json, openai, sys
body, headers, secret = json.load(sys.stdin)
client = openai.OpenAI(webhook_secret=secret)
event = client.webhooks.unwrap(body, headers)
assert (event.type, event.data.id) == ("batch.completed", "batch_test"), event
try:
    client.webhooks.unwrap(body + " ", headers)
except openai.InvalidWebhookSignatureError:
    print("verified")
`;

test(
  'the Python client makes an endpoint and verifies its events',
  { timeout: 120_000 },
  async () => {
    await using receiver = await Receiver.start();
    await using env = await Environment.start({
      worker: false,
      config: { webhookPrivateAddresses: true },
    });
    const python = await pythonWithOpenai();
    const run = async (program: string, input: string, ...args: string[]) => {
      const variables = { OPENAI_API_KEY: env.apiKey, OPENAI_BASE_URL: `${env.api.url}/v1` };
      const running = promisify(execFile)(python, ['-c', program, ...args], { env: variables });
      running.child.stdin!.end(input);
      return (await running).stdout.trim();
    };
    const secret = await run(MAKE, '', receiver.url);
    const { body, headers } = receiver.received[0]!;
    expect(await run(UNWRAP, JSON.stringify([body, headers, secret]))).toBe('verified');
  },
);
