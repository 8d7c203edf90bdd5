import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDemoModel } from '../../demo/server.ts';
import type { DemoModel } from '../../demo/server.ts';
import { CODE, NOTICE } from './chat.ts';

let demo: DemoModel;
let client: OpenAI;
beforeAll(async () => {
  demo = await startDemoModel({ tokensPerSecond: Infinity });
  client = clientOf(demo);
});
afterAll(() => demo.close());

const clientOf = ({ baseUrl }: DemoModel) =>
  new OpenAI({ baseURL: baseUrl, apiKey: 'none', maxRetries: 0 });
const asked = (content: string) => ({
  model: 'gpt-4o',
  messages: [{ role: 'user' as const, content }],
});

test('streams what it says without a stream, and usage last when asked for it', async () => {
  const plain = await client.chat.completions.create(asked('Hello'));
  expect(plain).toMatchObject({ model: 'gpt-4o', choices: [{ finish_reason: 'stop' }] });
  expect(plain.choices[0]!.message.content).toContain(NOTICE);
  const stream_options = { include_usage: true };
  const stream = client.chat.completions.stream({ ...asked('Hello'), stream_options });
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  expect(chunks[0]!.choices[0]!.delta).toEqual({ role: 'assistant', content: '' });
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: plain.usage });
  expect((await stream.finalMessage()).content).toBe(plain.choices[0]!.message.content);
});

test('streams tool calls in pieces, and gives them whole without a stream', async () => {
  const request = { ...asked('17 * 23'), tools: [CODE] };
  const plain = await client.chat.completions.create(request);
  const streamed = await client.chat.completions.stream(request).finalChatCompletion();
  const code = expect.stringContaining('evaluate(\\"17 * 23\\"');
  const calls = [{ type: 'function', function: { name: 'code_interpreter', arguments: code } }];
  for (const completion of [plain, streamed]) {
    expect(completion.choices).toMatchObject([
      { finish_reason: 'tool_calls', message: { tool_calls: calls } },
    ]);
  }
});

test.each([{}, { tools: [CODE] }])('stops at the token limit: %j', async (tools) => {
  const request = { ...asked('17 * 23'), ...tools, max_completion_tokens: 5 };
  expect(await client.chat.completions.create(request)).toMatchObject({
    choices: [{ finish_reason: 'length' }],
    usage: { completion_tokens: 5 },
  });
});

test.each<[string, object | string, string | null]>([
  ['no JSON', '{', null],
  ['no model', { messages: asked('').messages }, 'model'],
  ['an unknown role', { model: 'm', messages: [{ role: 'bot' }] }, 'messages[0].role'],
  ['several choices', { ...asked(''), n: 2 }, 'n'],
])('refuses a request with %s', async (_, body, param) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const url = `${demo.baseUrl}/chat/completions`;
  const response = await fetch(url, { method: 'POST', body: text });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error', param } });
});

test('cuts answers in progress when it is closed, and closes once', async () => {
  const slow = await startDemoModel({ tokensPerSecond: 1 });
  const stream = await clientOf(slow).chat.completions.create({ ...asked('Hello'), stream: true });
  await slow.close();
  await slow.close();
  const read = async () => {
    for await (const chunk of stream) expect(chunk.choices).toHaveLength(1);
  };
  await expect(read()).rejects.toThrow();
});
