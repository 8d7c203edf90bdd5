import OpenAI from 'openai';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  chunks,
  cutAfter,
  dynamic,
  endWithoutFinish,
  garbage,
  hold,
  paced,
  startFakeModel,
  status,
  text,
  toolCalls,
} from './fake-model.ts';
import type { FakeModel } from './fake-model.ts';
import { parseTiming } from './fake-timing.ts';

type Chunk = OpenAI.ChatCompletionChunk;

let model: FakeModel;
let client: OpenAI;

beforeEach(async () => {
  model = await startFakeModel();
  client = new OpenAI({ baseURL: model.baseUrl, apiKey: 'key', maxRetries: 0 });
});
afterEach(() => model.close());

function open(id: string, extra: Partial<OpenAI.ChatCompletionCreateParamsStreaming> = {}) {
  return client.chat.completions.create({
    model: id,
    stream: true,
    messages: [{ role: 'user', content: 'hello' }],
    ...extra,
  });
}

async function read(id: string, extra?: Partial<OpenAI.ChatCompletionCreateParamsStreaming>) {
  const seen: Chunk[] = [];
  for await (const chunk of await open(id, extra)) seen.push(chunk);
  return seen;
}

/** Reads raw bytes until the end or the error; one entry per piece the socket delivered. */
async function readRaw(id: string): Promise<{ pieces: string[]; error?: unknown }> {
  const pieces: string[] = [];
  try {
    const response = await fetch(`${model.baseUrl}/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: id, messages: [], stream: true }),
    });
    for await (const piece of response.body!) pieces.push(new TextDecoder().decode(piece));
    return { pieces };
  } catch (error) {
    return { pieces, error };
  }
}

const said = (seen: Chunk[]) => seen.map((c) => c.choices[0]?.delta.content ?? '').join('');
const finish = (seen: Chunk[]) =>
  seen.map((c) => c.choices[0]?.finish_reason).find((reason) => reason);

test('streams a text word by word, a role first and the usage last when asked', async () => {
  model.script('m', text('one two  three \n'));
  const seen = await read('m', { stream_options: { include_usage: true } });
  expect(seen[0]!.choices[0]!.delta).toEqual({ role: 'assistant', content: '' });
  expect(seen.slice(1, 4).map((c) => c.choices[0]!.delta.content)).toEqual([
    'one',
    ' two',
    '  three \n',
  ]);
  expect(finish(seen)).toBe('stop');
  expect(seen.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 3 } });
});

test('sends usage only when asked, always when given, never when null', async () => {
  const asked = { stream_options: { include_usage: true } };
  model.script(
    'm',
    text('a'),
    text('a', { usage: { total_tokens: 9 } }),
    text('a', { usage: null }),
  );
  expect((await read('m')).some((c) => c.usage)).toBe(false);
  expect((await read('m')).at(-1)!.usage).toEqual({ total_tokens: 9 });
  expect((await read('m', asked)).some((c) => c.usage)).toBe(false);
});

test('splits by code points, by given tokens, and reports other finish reasons', async () => {
  model.script(
    'm',
    text('a😀bc', { chunkSize: 2 }),
    text('xyz', { tokens: ['x', 'yz'], finishReason: 'length' }),
    text(''),
  );
  const split = await read('m');
  expect(split.slice(1, 3).map((c) => c.choices[0]!.delta.content)).toEqual(['a😀', 'bc']);
  expect(finish(await read('m'))).toBe('length');
  const empty = await read('m');
  expect([said(empty), finish(empty)]).toEqual(['', 'stop']);
  expect(() => text('xyz', { tokens: ['x'] })).toThrow('do not add up');
});

test('streams parallel tool calls with split arguments, after a text', async () => {
  model.script(
    'm',
    toolCalls(
      [
        { name: 'first', arguments: { city: 'Paris' }, id: 'call_1' },
        { name: 'second', arguments: '{not json' },
      ],
      { text: 'Let me look.', splitEvery: 5 },
    ),
  );
  const runner = client.chat.completions.stream({
    model: 'm',
    messages: [{ role: 'user', content: 'go' }],
  });
  const choice = (await runner.finalChatCompletion()).choices[0]!;
  expect(choice.finish_reason).toBe('tool_calls');
  expect(choice.message.content).toBe('Let me look.');
  expect(choice.message.tool_calls).toMatchObject([
    { id: 'call_1', function: { name: 'first', arguments: '{"city":"Paris"}' } },
    { function: { name: 'second', arguments: '{not json' } },
  ]);
});

test('answers errors with status, headers and body', async () => {
  model.script(
    'm',
    status(429, { headers: { 'retry-after': '7' }, body: { error: { code: 'x' } } }),
  );
  const error = await open('m').catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(OpenAI.RateLimitError);
  expect((error as InstanceType<typeof OpenAI.RateLimitError>).headers.get('retry-after')).toBe(
    '7',
  );
});

test('cuts the socket after exactly the given chunks', async () => {
  model.script('m', cutAfter(text('a b c d'), 2), cutAfter(text('a'), 0));
  const cut = await readRaw('m');
  expect(cut.error).toBeDefined();
  expect(cut.pieces.join('')).toContain('"content":" b"');
  expect(cut.pieces.join('')).not.toContain('"content":" c"');
  const early = await readRaw('m');
  expect(early).toMatchObject({ pieces: [], error: expect.anything() });
  expect(model.requests().map((r) => [r.finished, r.aborted])).toEqual([
    [true, false],
    [true, false],
  ]);
});

test('ends cleanly without finish_reason and [DONE]', async () => {
  model.script('m', endWithoutFinish(text('a b c d'), 2));
  const { pieces, error } = await readRaw('m');
  expect(error).toBeUndefined();
  expect(pieces.join('')).toContain('"content":" b"');
  expect(pieces.join('')).not.toMatch(/"finish_reason":"|\[DONE\]/);
});

test('holds a reply until released', async () => {
  const held = hold(text('a b c'), { afterChunks: 2 });
  model.script('m', held.reply);
  const stream = (await open('m'))[Symbol.asyncIterator]();
  const seen = [await stream.next(), await stream.next(), await stream.next()];
  expect(said(seen.map((one) => one.value as Chunk))).toBe('a b');
  await held.reached;
  expect(model.requests('m')[0]!.finished).toBe(false);
  held.release();
  expect(said([(await stream.next()).value as Chunk])).toBe(' c');
  await model.until(([request]) => request!.finished);
});

test('holds back an error before its status line', async () => {
  const held = hold(status(503), { afterChunks: 0 });
  model.script('m', held.reply);
  const answer = open('m').catch((error: unknown) => error);
  await held.reached;
  held.release();
  expect(await answer).toBeInstanceOf(OpenAI.InternalServerError);
});

test('records a client that leaves in mid-stream, and stops sending', async () => {
  const held = hold(text('a b c'), { afterChunks: 1 });
  model.script('m', held.reply);
  const stream = await open('m');
  await held.reached;
  stream.controller.abort();
  await model.until(([request]) => request!.aborted);
  const [request] = model.requests('m');
  expect(request).toMatchObject({ aborted: true, finished: false });
  expect(request!.abortedAt).toBeGreaterThanOrEqual(request!.at);
});

test('records model, body, headers and arrival', async () => {
  model.script('m', text('a'));
  const before = performance.timeOrigin + performance.now();
  await read('m', { temperature: 0.5 });
  const [request] = model.requests('m');
  expect(request!.body).toMatchObject({ temperature: 0.5, messages: [{ content: 'hello' }] });
  expect(request!.headers.authorization).toBe('Bearer key');
  expect(request!.at).toBeGreaterThan(before);
  expect(model.requests('other')).toEqual([]);
});

test('answers 500 and records an overrun when the script has run out', async () => {
  model.script('m', text('only one'));
  await read('m');
  await expect(open('m')).rejects.toThrow('no reply left for its request 2');
  expect(model.overruns).toHaveLength(1);
  expect(model.requests('m')).toHaveLength(2);
});

test('keeps a queue per model and lists the scripted models', async () => {
  model.script('m', text('first'));
  model.script('n', text('other'));
  model.script('m', text('second'));
  expect([said(await read('m')), said(await read('n')), said(await read('m'))]).toEqual([
    'first',
    'other',
    'second',
  ]);
  const listed = await client.models.list();
  expect(listed.data.map((one) => one.id)).toEqual(['m', 'n']);
});

test('chooses a reply from the request', async () => {
  model.script(
    'm',
    dynamic((request) => text(`${request.messages.length} message`)),
  );
  expect(said(await read('m'))).toBe('1 message');
});

test('counts a script that throws as an overrun', async () => {
  model.script(
    'm',
    dynamic(() => {
      throw new Error('broken script');
    }),
  );
  await expect(open('m')).rejects.toThrow('Connection error');
  expect(model.overruns).toEqual([expect.stringContaining('broken script')]);
});

test('sends raw chunks and raw bodies untouched', async () => {
  const euro = new TextEncoder().encode('€');
  model.script(
    'm',
    chunks([{ odd: true }]),
    garbage('<html>'),
    garbage([euro.slice(0, 1), euro.slice(1)]),
  );
  expect((await readRaw('m')).pieces.join('')).toBe('data: {"odd":true}\n\ndata: [DONE]\n\n');
  expect((await readRaw('m')).pieces).toEqual(['<html>']);
  const response = await fetch(`${model.baseUrl}/chat/completions`, {
    method: 'POST',
    body: '{"model":"m","messages":[]}',
  });
  expect(await response.text()).toBe('€');
});

test('paces a reply from the arrival of the request', async () => {
  model.script('m', paced(text('a b c d e'), { ttftMs: 40, tokensPerSecond: 100 }));
  const start = performance.now();
  const seen = await read('m');
  expect(performance.now() - start).toBeGreaterThanOrEqual(79);
  expect(said(seen)).toBe('a b c d e');
});

test('streams stamped tokens for a timing model, without a script', async () => {
  const seen = await read('fake:ttft=20,tps=200,n=8,seed=7');
  const { at } = model.requests()[0]!;
  const stamps = said(seen).trim().split(' ').map(Number);
  expect(said(seen)).toMatch(/^(\d+\.\d{3} ){8}$/);
  for (const [index, stamp] of stamps.entries()) {
    expect(stamp - at).toBeGreaterThan(19.99 + index * 5);
  }
  expect(model.overruns).toEqual([]);
});

test('streams a timing model as fast as the reader takes it', async () => {
  const seen = await read('fake:n=5000', { stream_options: { include_usage: true } });
  expect(seen.at(-1)!.usage!.completion_tokens).toBe(5000);
  expect(said(seen).trim().split(' ')).toHaveLength(5000);
});

test('calls the first tool as often as the timing model says, then answers', async () => {
  const id = 'fake:tools=1,n=1';
  const tools: OpenAI.ChatCompletionTool[] = [{ type: 'function', function: { name: 'look' } }];
  expect(finish(await read(id, { tools }))).toBe('tool_calls');
  const messages: OpenAI.ChatCompletionMessageParam[] = [
    { role: 'user', content: 'q' },
    { role: 'tool', tool_call_id: 'c', content: 'r' },
  ];
  expect(finish(await read(id, { tools, messages }))).toBe('stop');
});

test('reads timing settings and refuses unknown ones', () => {
  expect(parseTiming('gpt-4o')).toBeUndefined();
  expect(parseTiming('fake:')).toEqual({ ttft: 0, tps: 0, n: 20, tools: 0, jitter: 0, seed: 1 });
  expect(parseTiming('fake:ttft=5,tps=2.5,n=3,tools=4,jitter=6,seed=7')).toEqual({
    ttft: 5,
    tps: 2.5,
    n: 3,
    tools: 4,
    jitter: 6,
    seed: 7,
  });
  expect(() => parseTiming('fake:tpz=5')).toThrow("'tpz=5'");
  expect(() => parseTiming('fake:n=-1')).toThrow("'n=-1'");
});

test('gives up waiting with what it has seen', async () => {
  model.script('m', text('a'));
  await read('m');
  await expect(model.until((requests) => requests.length === 2, 20)).rejects.toThrow(
    'm finished=true aborted=false',
  );
});
