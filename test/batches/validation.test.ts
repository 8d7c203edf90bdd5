/** What of an input file is refused before anything runs, and that reading it costs neither memory nor the event loop. */
import { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { questions, submit, untilStatus } from './support.ts';

let env: Environment;
let assistant: string;
beforeAll(async () => {
  env = await Environment.start({
    config: {
      modelBaseUrl: undefined,
      models: [{ id: 'known', base_url: 'http://127.0.0.1:9/v1', profile: {} } as never],
    },
  });
  assistant = (await env.client.beta.assistants.create({ model: 'known' })).id;
});
afterAll(() => env[Symbol.asyncDispose]());

const good = () => questions(assistant, ['Hi'])[0]!;

describe('an input file with a bad line fails the batch, which names line and reason', () => {
  const TABLE: [string, () => string | object, object][] = [
    ['no JSON', () => '{', { code: 'invalid_json_line', param: null }],
    ['no object', () => '[]', { code: 'invalid_type' }],
    ['no custom_id', () => ({ ...good(), custom_id: undefined }), { param: 'custom_id' }],
    ['a long custom_id', () => ({ ...good(), custom_id: 'x'.repeat(513) }), { param: 'custom_id' }],
    ['a custom_id twice', () => good(), { code: 'duplicate_custom_id', param: 'custom_id' }],
    ['another method', () => ({ ...good(), custom_id: 'b', method: 'GET' }), { param: 'method' }],
    [
      'another url',
      () => ({ ...good(), custom_id: 'b', url: '/v1/files' }),
      { code: 'invalid_url', param: 'url' },
    ],
    [
      'a thread that cannot be one',
      () => ({ ...good(), custom_id: 'b', url: '/v1/threads/x/runs' }),
      { param: 'thread_id' },
    ],
    ['an unknown field', () => ({ ...good(), custom_id: 'b', extra: 1 }), { param: 'extra' }],
    [
      'a body that the operation refuses',
      () => ({ ...good(), custom_id: 'b', body: { assistant_id: assistant, temperature: 3 } }),
      { param: 'body.temperature', code: 'decimal_above_max_value' },
    ],
    [
      'a stream',
      () => ({ ...good(), custom_id: 'b', body: { assistant_id: assistant, stream: true } }),
      { param: 'body.stream' },
    ],
    [
      'an assistant that is not there',
      () => ({ ...good(), custom_id: 'b', body: { assistant_id: 'asst_none' } }),
      { code: 'assistant_not_found', param: 'body.assistant_id' },
    ],
    [
      'a model that no server has',
      () => ({ ...good(), custom_id: 'b', body: { assistant_id: assistant, model: 'none' } }),
      { code: 'model_not_found', param: 'body.model' },
    ],
  ];

  test.each(TABLE)('%s', async (_name, bad, error) => {
    const line = bad();
    const lines = [good(), typeof line === 'string' ? line : JSON.stringify(line)];
    const { id } = await submit(env.client, lines as string[]);
    const batch = await untilStatus(env.client, id, 'failed');
    expect(batch.errors).toMatchObject({ object: 'list', data: [{ line: 2, ...error }] });
    expect(batch).toMatchObject({ output_file_id: null, error_file_id: null });
    expect(batch.request_counts).toEqual({ total: 0, completed: 0, failed: 0 });
    expect(batch.failed_at).toBeGreaterThan(0);
  });
});

test('a line whose bytes are not UTF-8 fails the batch', async () => {
  const line = JSON.stringify(questions(assistant, ['Où est le café ?'])[0]);
  const file = await toFile(Buffer.from(`${line}\n`, 'latin1'), 'input.jsonl');
  const { id: input_file_id } = await env.client.files.create({ file, purpose: 'batch' });
  const { id } = await env.client.batches.create({
    input_file_id,
    endpoint: '/v1/threads/runs' as '/v1/responses',
    completion_window: '24h',
  });
  const batch = await untilStatus(env.client, id, 'failed');
  expect(batch.errors!.data).toMatchObject([
    { line: 1, code: 'invalid_json_line', message: expect.stringContaining('not UTF-8') },
  ]);
});

test('blank lines count as lines of the file and are no requests', async () => {
  const { id } = await submit(env.client, ['', JSON.stringify(good()), ' ', '{']);
  const batch = await untilStatus(env.client, id, 'failed');
  expect(batch.errors!.data).toMatchObject([{ line: 4, code: 'invalid_json_line' }]);
});

test('a file without requests fails the batch', async () => {
  const { id } = await submit(env.client, ['']);
  const batch = await untilStatus(env.client, id, 'failed');
  expect(batch.errors!.data).toMatchObject([{ code: 'empty_file', line: null }]);
});

test('the first hundred errors are kept', async () => {
  const { id } = await submit(
    env.client,
    Array.from({ length: 150 }, () => '{'),
  );
  const batch = await untilStatus(env.client, id, 'failed');
  expect(batch.errors!.data!.map(({ line }) => line)).toEqual(
    Array.from({ length: 100 }, (_, index) => index + 1),
  );
});

test("a lines of another project's assistant are refused as those of an unknown one", async () => {
  const other = await env.otherClient();
  const { id } = await submit(other, [good()]);
  const batch = await untilStatus(other, id, 'failed');
  expect(batch.errors!.data).toMatchObject([{ code: 'assistant_not_found', line: 1 }]);
  await expect(env.client.batches.retrieve(id)).rejects.toMatchObject({ status: 404 });
});

test('the input has to be a file for batches', async () => {
  const file = new File(['{}'], 'input.jsonl');
  const { id } = await env.client.files.create({ file, purpose: 'assistants' });
  const body = { endpoint: '/v1/threads/runs', completion_window: '24h' } as never as object;
  const create = (change: object) =>
    env.client.batches.create({ ...body, input_file_id: id, ...change } as never);
  await expect(create({})).rejects.toMatchObject({ status: 400, param: 'input_file_id' });
  await expect(create({ input_file_id: 'file-none' })).rejects.toMatchObject({ status: 404 });
  await expect(create({ endpoint: '/v1/files' })).rejects.toMatchObject({ param: 'endpoint' });
  for (const completion_window of ['31d', '0h', '24', '1w']) {
    await expect(create({ completion_window })).rejects.toMatchObject({
      param: 'completion_window',
    });
  }
});
