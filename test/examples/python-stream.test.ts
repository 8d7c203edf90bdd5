/** The official Python client, with its strict validation on. What it did is asked for once, then looked at. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { text, toolCalls } from '../support/fake-model.ts';
import { runProgram } from './run-program.ts';

const DRAW = [
  'import matplotlib.pyplot as plt',
  'print("drawing")',
  'plt.plot([0, 1])',
  'plt.show()',
  'open("a b.txt", "w").write("größe")',
].join('\n');
const CODE = 'print("one")\nprint("two")\n1 + 2';
const MARK = '【1:0†fish.txt】';
const CITING = `🌿 They eat moss${MARK}, it says.`;
/** The kinds of objects and events that were seen. */
const VALIDATED = [
  'VectorStoreSearchResponse',
  'assistant',
  'assistant.deleted',
  'list',
  'thread',
  'thread.created',
  'thread.deleted',
  'thread.message',
  'thread.message.completed',
  'thread.message.created',
  'thread.message.deleted',
  'thread.message.delta',
  'thread.message.in_progress',
  'thread.run',
  'thread.run.completed',
  'thread.run.created',
  'thread.run.in_progress',
  'thread.run.queued',
  'thread.run.requires_action',
  'thread.run.step',
  'thread.run.step.completed',
  'thread.run.step.created',
  'thread.run.step.delta',
  'thread.run.step.in_progress',
  'vector_store',
  'vector_store.deleted',
  'vector_store.file',
  'vector_store.files_batch',
  'vector_store.search_results.page',
];

const weather = (...cities: string[]) =>
  toolCalls(cities.map((city) => ({ name: 'get_weather', arguments: { city } })));

let env: Environment;
let outcomes: Record<string, unknown>;
beforeAll(async () => {
  env = await Environment.start({ sandbox: true });
  env.model.script('text_run', text('Hello there, Jane. You have 1 message — «größte» 🧵.'));
  env.model.script(
    'code_run',
    toolCalls([{ name: 'code_interpreter', arguments: { code: CODE } }], { splitEvery: 5 }),
    text('That makes three.'),
  );
  env.model.script(
    'figure_run',
    toolCalls([{ name: 'code_interpreter', arguments: { code: DRAW } }]),
    text('🎉 A line, and [a file](sandbox:/mnt/data/a%20b.txt).', { chunkSize: 4 }),
  );
  env.model.script(
    'search_run',
    toolCalls([{ name: 'file_search', arguments: { queries: ['moss'] } }], { splitEvery: 5 }),
    text(CITING, { chunkSize: 3 }),
  );
  env.model.script('function_run', weather('Rome', 'Oslo'), text('Sunny in both.'));
  env.model.script('polling', weather('Rome'), text('Cold.'), weather('Oslo'));
  const server = { baseUrl: `${env.api.url}/v1`, apiKey: env.apiKey };
  const { code, stdout, stderr } = await runProgram('test/examples/python_stream.py', server);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = stdout.trimEnd().split('\n');
  outcomes = Object.fromEntries(lines.map((line) => JSON.parse(line) as [string, unknown]));
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

test('runs.stream gathers the message, and the final run is the stored one', () => {
  const said = 'Hello there, Jane. You have 1 message — «größte» 🧵.';
  expect(outcomes.text_run).toEqual({
    status: 'completed',
    said: [said],
    steps: ['message_creation'],
    same: true,
    stored: ['Hi', said],
  });
});

test('create_and_run_stream has the whole code and its whole output from deltas alone', () => {
  expect(outcomes.code_run).toEqual({
    status: 'completed',
    streamed: [[CODE, ['one\ntwo\n3\n']]],
    stored: [[CODE, ['one\ntwo\n3\n']]],
    types: ['tool_calls', 'message_creation'],
    said: ['That makes three.'],
  });
});

test('a figure and a linked file are whole from deltas alone, and can be downloaded', () => {
  const link = 'sandbox:/mnt/data/a%20b.txt';
  expect(outcomes.figure_run).toEqual({
    status: 'completed',
    outputs: ['logs', 'image', 'logs'],
    same: true,
    image: 'PNG',
    text: `🎉 A line, and [a file](${link}).`,
    linked: [link, link],
    file: 'größe',
  });
});

test('files are uploaded into a store and waited for, one by one and as a batch', () => {
  expect(outcomes.vector_stores).toEqual({
    file: ['completed', null],
    batch: ['completed', 1, 1],
    files: [
      ['completed', null],
      ['failed', 'unsupported_file'],
    ],
    store: ['completed', 3],
    content: ['Blue fish eat moss.'],
    found: [['fish.txt', 'Blue fish eat moss.']],
    deleted: true,
  });
});

test('a handler is called with the search, and with each mark and its citation at once', () => {
  expect(outcomes.search_run).toEqual({
    status: 'completed',
    called: ['file_search'],
    done: [['fish.txt']],
    said: CITING,
    cited: [[MARK, 'file_citation', MARK, true]],
    found: [['fish.txt', 'Blue fish eat moss.']],
    citation: [MARK, MARK],
    stored: 1,
  });
});

test('submit_tool_outputs_stream goes on with a run that stopped for two parallel calls', () => {
  expect(outcomes.function_run).toEqual({
    paused: 'requires_action',
    names: ['get_weather', 'get_weather'],
    done: [true, 'completed', null],
    step: [
      ['{"city":"Rome"}', 'Rome is sunny'],
      ['{"city":"Oslo"}', 'Oslo is sunny'],
    ],
    said: ['Sunny in both.'],
  });
});

test('the polling helpers see a run stop, go on, end, and be cancelled', () => {
  expect(outcomes.polling).toEqual({
    statuses: ['requires_action', 'completed', 'requires_action', 'cancelled'],
    cancelling: true,
    said: ['Cold.'],
    listed: [true],
  });
});

test('lists page by themselves in both orders', () => {
  expect(outcomes.paging).toEqual({
    ascending: ['0', '1', '2', '3', '4', '5', '6'],
    descending: ['6', '5', '4', '3', '2', '1', '0'],
    pages: [3, 3, 1],
  });
});

test('what can be changed and deleted is, through the client', () => {
  expect(outcomes.changes).toEqual({
    assistant: ['Other', 0.5, { a: 'b' }, 'Be kind.'],
    same: true,
    listed: true,
    thread: { c: 'd' },
    again: { c: 'd' },
    message: true,
    retrieved: true,
    deleted: [true, true, true],
  });
});

test('failures arrive as the client’s own error classes, with type, code, param and message', () => {
  const type = 'invalid_request_error';
  const nobody = "No assistant found with id 'asst_nobody'.";
  expect(outcomes.errors).toEqual([
    ['NotFoundError', 404, type, null, null, nobody],
    [
      'BadRequestError',
      400,
      type,
      'invalid_value',
      'role',
      "Invalid value: 'robot'. Supported values are: 'user' and 'assistant'.",
    ],
    ['NotFoundError', 404, type, null, null, nobody],
    [
      'BadRequestError',
      400,
      type,
      'integer_above_max_value',
      'limit',
      "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead.",
    ],
    [
      'AuthenticationError',
      401,
      type,
      'invalid_api_key',
      null,
      expect.stringMatching(/^Incorrect API key provided: /),
    ],
  ]);
});

test('raw responses carry the hosted service’s headers', () => {
  expect(outcomes.raw_response).toEqual({
    type: 'application/json; charset=utf-8',
    version: '2020-10-01',
    ms: expect.stringMatching(/^\d+$/),
    request_id: expect.stringMatching(/^req_/),
    same: true,
    failed_request_id: expect.stringMatching(/^req_/),
    status: 200,
  });
});

test('every object and event is strictly valid in the client’s own types', () => {
  expect(outcomes.validation).toEqual({ validated: VALIDATED, invalid: [] });
  expect(env.model.overruns).toEqual([]);
});
