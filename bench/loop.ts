/**
 * The longest block of the event loop of `npm start`, which API and worker share, while one client sends the largest and
 * costliest bodies that are legal, and some that are refused. Everybody else's requests wait that long.
 */
import { request } from 'node:http';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { startFakeModel, text, toolCalls } from '../test/support/fake-model.ts';
import type { FakeModel, Reply } from '../test/support/fake-model.ts';
import { call, stream } from './http.ts';
import type { Target } from './http.ts';
import type { Blocks } from '../test/support/loop-blocks.ts';
import { fixed, printTable, progress, writeResult } from './report.ts';
import { serve, stopOnSignal, temporaryDirectory } from './stack.ts';
import { median } from './statistics.ts';

const GOAL_MS = 50;
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
const MB = 2 ** 20;
const BODY = 10 * MB - 1_000;
const ANSWER = 4 * MB - 1_000;

type Stage = { api: Target; model: FakeModel };
type Case = (stage: Stage) => Promise<unknown>;
type Function = { name: string; description?: string; parameters?: object };

/** Letters that are no words: the costliest text to count. */
function letters(length: number): string {
  return Array.from({ length }, () =>
    String.fromCharCode(97 + Math.floor(Math.random() * 26)),
  ).join('');
}

const message = (content: string, metadata = {}) => ({ role: 'user', content, metadata });
const pairs = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, 'v']));
const toolsOf = (functions: Function[]) =>
  functions.map((one) => ({ type: 'function', function: one }));
/** A megabyte in all, as costly to count as can be. */
const LONG_TOOLS = toolsOf(
  Array.from({ length: 5 }, (_, at) => ({ name: `f${at}`, description: letters(200_000) })),
);
const MANY_VALUES = toolsOf(
  Array.from({ length: 4 }, (_, at) => ({
    name: `f${at}`,
    parameters: { type: 'object', properties: Object.fromEntries(propertiesOf(3_000)) },
  })),
);
function propertiesOf(count: number): [string, object][] {
  return Array.from({ length: count }, (_, at) => [`p${at}`, { type: 'string', enum: ['a'] }]);
}

/** Sends a body as it is; any status is fine. */
function raw({ api }: Stage, path: string, body: string, headers = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(`${api.baseUrl}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${api.apiKey}`,
        'openai-beta': 'assistants=v2',
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        ...headers,
      },
    });
    sent.on('response', (response) => void readText(response).then(resolve, reject));
    sent.on('error', reject);
    sent.end(body);
  });
}

type Run = { id: string; thread_id: string; status: string; required_action: Pause | null };
type Pause = { submit_tool_outputs: { tool_calls: { id: string }[] } };

let models = 0;

/** A run to its end, read as a stream. */
async function runOf(
  { api, model }: Stage,
  replies: Reply[],
  options: { assistant?: object; thread?: object; output?: string } = {},
): Promise<void> {
  const name = `loop-${(models += 1)}`;
  model.script(name, ...replies);
  const assistant = await call<{ id: string }>(api, '/assistants', {
    model: name,
    ...options.assistant,
  });
  let run: Run | undefined;
  const read = (event: string, data: string) => {
    if (/^thread\.run\.(?!step)/.test(event)) run = JSON.parse(data) as Run;
  };
  const body = { assistant_id: assistant.id, stream: true };
  const thread = options.thread ?? { messages: [message('Hi')] };
  await stream(api, '/threads/runs', { ...body, thread }, read);
  while (run!.status === 'requires_action') {
    const calls = run!.required_action!.submit_tool_outputs.tool_calls;
    const tool_outputs = calls.map(({ id }) => ({ tool_call_id: id, output: options.output }));
    const path = `/threads/${run!.thread_id}/runs/${run!.id}/submit_tool_outputs`;
    await stream(api, path, { tool_outputs, stream: true }, read);
  }
}

const post =
  (path: string, body: () => string, headers?: object): Case =>
  (stage) =>
    raw(stage, path, body(), headers);
const long = (fill: string) => fill.repeat(Math.floor(BODY / Buffer.byteLength(fill)));
const called = (count: number) =>
  Array.from({ length: count }, () => ({ name: 'f0', arguments: {} }));
const aThread = (texts: string[]) => ({ messages: texts.map((one) => message(one)) });
const longMessages = (one: (length: number) => string) =>
  JSON.stringify(aThread(Array.from({ length: 38 }, () => one(256_000))));

const CASES: Record<string, Case> = {
  'a small thread': post('/threads', () => JSON.stringify(aThread(['Hi']))),
  'a thread of 38 messages of 256,000 letters': post('/threads', () => longMessages(letters)),
  '… with an Idempotency-Key': (stage) =>
    raw(
      stage,
      '/threads',
      longMessages((length) => ' '.repeat(length)),
      {
        'idempotency-key': `key-${Math.random()}`,
      },
    ),
  'a thread of 6,000 messages with metadata': post('/threads', () =>
    JSON.stringify({ messages: Array.from({ length: 6_000 }, () => message('x', pairs(5))) }),
  ),
  'one string of 10 MB, refused': post('/threads', () => `{"a":"${long('\\n')}"}`),
  'three million empty arrays, refused': post('/threads', () => `{"a":[${long('[],')}1]}`),
  'brackets 10 MB deep, refused': post('/threads', () => long('[')),
  '98,000 long keys, refused': post('/threads', () =>
    JSON.stringify(Object.fromEntries(Object.keys(pairs(98_000)).map((k) => [k.padEnd(90), 1]))),
  ),
  'white space of 10 MB': post('/threads', () => `${long(' ')}{}`),
  'an assistant with 1 MB of tools': post('/assistants', () =>
    JSON.stringify({ model: 'm', tools: LONG_TOOLS }),
  ),
  'an assistant with 49,000 values in its tools': post('/assistants', () =>
    JSON.stringify({ model: 'm', tools: MANY_VALUES }),
  ),
  'an assistant with 10 MB of tools, refused': post('/assistants', () =>
    JSON.stringify({
      model: 'm',
      tools: toolsOf(
        Array.from({ length: 40 }, (_, at) => ({ name: `f${at}`, description: letters(250_000) })),
      ),
    }),
  ),
  'an assistant with a large schema': post('/assistants', () =>
    JSON.stringify({
      model: 'm',
      response_format: {
        type: 'json_schema',
        json_schema: { name: 's', schema: { properties: Object.fromEntries(propertiesOf(6_000)) } },
      },
    }),
  ),
  'a run with 1 MB of tools': (stage) =>
    runOf(stage, [text('Ok.')], { assistant: { tools: LONG_TOOLS } }),
  'a run with 49,000 values in its tools': (stage) =>
    runOf(stage, [text('Ok.')], { assistant: { tools: MANY_VALUES } }),
  'a run over 9 MB of spaces': (stage) =>
    runOf(stage, [text('Ok.')], {
      thread: JSON.parse(longMessages((n) => ' '.repeat(n))) as object,
    }),
  'nine tool outputs of 1 MB': (stage) =>
    runOf(stage, [toolCalls(called(9)), text('Ok.')], {
      assistant: { tools: toolsOf([{ name: 'f0' }]) },
      output: 'x'.repeat(MB),
    }),
  'arguments of 4 MB in one delta': (stage) =>
    runOf(
      stage,
      [
        toolCalls([{ name: 'f0', arguments: { a: 'x'.repeat(ANSWER) } }], {
          splitEvery: ANSWER * 2,
        }),
        text('Ok.'),
      ],
      {
        assistant: { tools: toolsOf([{ name: 'f0' }]) },
        output: '',
      },
    ),
  'an answer of 4 MB in one delta': (stage) =>
    runOf(stage, [text('x'.repeat(ANSWER), { chunkSize: ANSWER })]),
  'an answer of 4 MB in small deltas': (stage) =>
    runOf(stage, [text('x'.repeat(ANSWER), { chunkSize: 1_000 })]),
  'passed on: three million empty arrays': post('/chat/completions', () =>
    JSON.stringify({ model: 'm', messages: [] }).replace('[]', `[${long('[],').slice(0, -100)}1]`),
  ),
  'passed on: a million texts': post('/embeddings', () =>
    JSON.stringify({ model: 'm', input: Array<string>(1_000_000).fill('abcdef') }),
  ),
  'passed on: one text of 10 MB': post('/chat/completions', () =>
    JSON.stringify({ model: 'm', messages: [message(long('x'))] }),
  ),
};

export async function loop(): Promise<void> {
  const dataDir = await temporaryDirectory();
  const model = await startFakeModel();
  const socket = join(dataDir, 'loop-probe.sock');
  const served = await serve({
    dataDir,
    modelBaseUrl: model.baseUrl,
    nodeFlags: ['--import', fileURLToPath(new URL('loop-probe.ts', import.meta.url))],
    env: { BENCH_LOOP_PROBE: socket },
  });
  stopOnSignal(() => served.stop());
  const wanted = process.env['BENCH_CASES']?.split(',');
  const chosen = Object.entries(CASES).filter(
    ([name]) => wanted === undefined || wanted.some((part) => name.includes(part)),
  );
  const blocks: Record<string, Blocks[]> = {};
  try {
    for (let round = 1; round <= ROUNDS; round++) {
      for (const [name, send] of chosen) {
        await longestBlock(socket);
        const started = performance.now();
        await send({ api: served.api, model });
        const block = await longestBlock(socket);
        (blocks[name] ??= []).push(block);
        const seconds = (performance.now() - started) / 1_000;
        const { processor, clock } = block;
        progress(
          `round ${round}, ${name}: ${fixed(processor)} ms of processor, ${fixed(clock)} of the clock, ${fixed(seconds)} s in all`,
        );
      }
    }
    report(blocks);
    await writeResult('loop', undefined, { blocks });
  } finally {
    await served.stop();
    await model.close();
  }
}

function longestBlock(socketPath: string): Promise<Blocks> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/' });
    asked.on('response', (response) => {
      void readText(response)
        .then((text) => JSON.parse(text) as Blocks)
        .then(resolve, reject);
    });
    asked.on('error', reject);
    asked.end();
  });
}

function report(blocks: Record<string, Blocks[]>): void {
  const rows = Object.entries(blocks).map(([name, rounds]) => {
    const processor = median(rounds.map((one) => one.processor));
    const clock = median(rounds.map((one) => one.clock));
    return [name, fixed(processor, 0), fixed(clock, 0), processor <= GOAL_MS ? 'yes' : 'no'];
  });
  printTable(
    `Longest block of the event loop (ms), medians of ${ROUNDS} rounds; goal ≤ ${GOAL_MS} of processor time`,
    ['', 'processor', 'clock', 'met'],
    rows,
  );
}
