import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { text, toolCalls } from '../support/fake-model.ts';
import { outline } from '../support/legal-stream.ts';
import {
  checkRun,
  CODE,
  eventsOf,
  outputsFor,
  readStored,
  setUp,
  WEATHER,
} from '../support/runs.ts';
import { callsOf, FACTS, FISH, SEARCH, search, searching } from '../support/searching.ts';
import { settled, upload } from '../support/stores.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ sandbox: true });
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

const INCLUDE = ['step_details.tool_calls[*].file_search.results[*].content' as const];

test('searches, shows what it found, and cites it', async () => {
  const answer = 'They eat 🌿 moss【1:0†fish.txt】, it says【7:7†fish.txt】.';
  const { files, threadId, assistant, model } = await searching(env, [
    search('What do blue fish eat?', 'moss'),
    text(answer, { chunkSize: 2 }),
  ]);
  const stream = env.client.beta.threads.runs.stream(threadId, { assistant_id: assistant.id });
  const events = await eventsOf(stream);
  const { steps, messages, log } = await checkRun(env, await stream.finalRun(), [events]);
  expect(outline(events)).toContain('thread.run.step.delta');
  const workflow = env.temporal.workflow.getHandle((await stream.finalRun()).id);
  await workflow.result();
  expect((await workflow.fetchHistory()).events).toHaveLength(24);

  const [call] = callsOf(steps);
  const ranking_options = { ranker: 'default_2024_08_21', score_threshold: 0 };
  expect(call).toMatchObject({
    type: 'file_search',
    file_search: {
      ranking_options,
      results: [{ file_id: files.fish, file_name: 'fish.txt', attributes: {} }],
    },
  });
  expect(call?.file_search.results[0]).not.toHaveProperty('content');
  const deltas = log
    .filter(({ event }) => event === 'thread.run.step.delta')
    .map(({ data }) => callsOf([(data as { delta: { step_details: object } }).delta])[0]);
  expect(deltas).toEqual([
    { index: 0, id: call?.id, type: 'file_search', file_search: { ranking_options, results: [] } },
    {
      index: 0,
      type: 'file_search',
      file_search: { results: [{ index: 0, ...call?.file_search.results[0] }] },
    },
  ]);

  const start = Array.from('They eat 🌿 moss').length;
  const mark = '【1:0†fish.txt】';
  const cited = { type: 'file_citation', text: mark, start_index: start, end_index: start + 14 };
  expect(messages[0]?.content).toEqual([
    {
      type: 'text',
      text: {
        value: answer,
        annotations: [{ ...cited, file_citation: { file_id: files.fish } }],
      },
    },
  ]);
  const marks = events.flatMap(({ event, data }) =>
    event === 'thread.message.delta' ? (data.delta.content ?? []) : [],
  );
  expect(marks).toContainEqual({
    index: 0,
    type: 'text',
    text: {
      value: mark,
      annotations: [{ index: 0, ...cited, file_citation: { file_id: files.fish, quote: '' } }],
    },
  });

  const [first, second] = env.model.requests(model);
  expect(first?.body.tools).toMatchObject([{ function: { name: 'file_search' } }]);
  expect(second?.body.messages.at(-1)).toMatchObject({
    role: 'tool',
    content: `${mark}\n${FISH}`,
  });
});

test('shows the model below which headings a passage stands', async () => {
  const filler = 'Parcels are packed with care and sent on working days only. '.repeat(12);
  const guide = `# Warranty\n\n## Returns\n\n${filler}\n\nA teapot can be returned for ninety days.\n`;
  const file_id = await upload(env.client, guide, 'guide.md');
  const { id: store } = await env.client.vectorStores.create({ name: 'guide' });
  await env.client.vectorStores.files.create(store, {
    file_id,
    chunking_strategy: {
      type: 'static',
      static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 0 },
    },
  });
  expect(await settled(env.client, store, file_id)).toMatchObject({ status: 'completed' });
  const { threadId, assistant, model } = await setUp(env, [search('teapot'), text('Ninety.')], {
    tools: [SEARCH],
    tool_resources: { file_search: { vector_store_ids: [store] } },
  });
  const runs = env.client.beta.threads.runs;
  await runs.createAndPoll(threadId, { assistant_id: assistant.id });
  const shown = env.model.requests(model)[1]?.body.messages.at(-1);
  expect(shown?.content).toMatch(/^【1:0†guide\.md】\nWarranty > Returns\n[^]*teapot/);
});

test('shows the content of results to whoever includes it', async () => {
  const { threadId, assistant, files } = await searching(env, [search('fish'), text('Moss.')]);
  const stream = env.client.beta.threads.runs.stream(threadId, {
    assistant_id: assistant.id,
    include: INCLUDE,
  });
  const events = await eventsOf(stream);
  const run = await stream.finalRun();
  const content = [{ type: 'text', text: FISH }];
  const completed = events.flatMap(({ event, data }) =>
    event === 'thread.run.step.completed' ? callsOf([data]) : [],
  );
  expect(completed[0]?.file_search.results).toMatchObject([{ file_id: files.fish, content }]);
  const { steps } = env.client.beta.threads.runs;
  const listed = await steps.list(run.id, { thread_id: threadId, include: INCLUDE, order: 'asc' });
  expect(callsOf(listed.data)[0]?.file_search.results[0]?.content).toEqual(content);
  const id = listed.data[0]!.id;
  const where = { thread_id: threadId, run_id: run.id };
  const shown = await steps.retrieve(id, { ...where, include: INCLUDE });
  expect(callsOf([shown])[0]?.file_search.results[0]?.content).toEqual(content);
  const hidden = await steps.retrieve(id, where);
  expect(callsOf([hidden])[0]?.file_search.results[0]).not.toHaveProperty('content');
});

test('runs beside code and functions of the same turn', async () => {
  const { threadId, assistant } = await searching(
    env,
    [
      toolCalls([
        { name: 'file_search', arguments: { queries: ['tower of Quill'] } },
        { name: 'code_interpreter', arguments: { code: 'print(6 * 7)' } },
        { name: 'get_weather', arguments: { city: 'Quill' } },
      ]),
      text('Ninety metres【1:0†facts.txt】.'),
    ],
    [SEARCH, CODE, WEATHER],
  );
  const runs = env.client.beta.threads.runs;
  const paused = await runs.createAndPoll(threadId, { assistant_id: assistant.id });
  expect(paused.status).toBe('requires_action');
  const done = await runs.submitToolOutputsAndPoll(paused.id, {
    thread_id: threadId,
    tool_outputs: outputsFor(paused),
  });
  const { messages, steps } = await checkRun(env, done);
  expect(done.status).toBe('completed');
  expect(callsOf(steps).map(({ type }) => type)).toEqual([
    'file_search',
    'code_interpreter',
    'function',
  ]);
  expect(messages[0]?.content).toMatchObject([
    { text: { annotations: [{ type: 'file_citation' }] } },
  ]);
});

test('one answer cites a file and links another, each at its place', async () => {
  const made = 'open("list.csv", "w").write("moss")';
  const link = 'sandbox:/mnt/data/list.csv';
  const [mark, again] = ['【1:0†fish.txt】', '【1:0†source】'];
  const answer = `🌿 They eat moss${mark}. 🐟🐟 [A list](${link}) has more${again}.`;
  const { files, threadId, assistant } = await searching(
    env,
    [
      toolCalls([
        { name: 'file_search', arguments: { queries: ['moss'] } },
        { name: 'code_interpreter', arguments: { code: made } },
      ]),
      text(answer, { chunkSize: 3 }),
    ],
    [SEARCH, CODE],
  );
  const stream = env.client.beta.threads.runs.stream(threadId, { assistant_id: assistant.id });
  const events = await eventsOf(stream);
  const { messages } = await checkRun(env, await stream.finalRun(), [events]);
  const at = (part: string) => {
    const start_index = Array.from(answer.slice(0, answer.indexOf(part))).length;
    return { text: part, start_index, end_index: start_index + Array.from(part).length };
  };
  const file_citation = { file_id: files.fish };
  const file_path = { file_id: expect.stringMatching(/^file-/) as string };
  // The link is known once the answer is whole, so it comes last.
  const annotations = [
    { type: 'file_citation', ...at(mark!), file_citation },
    { type: 'file_citation', ...at(again!), file_citation },
    { type: 'file_path', ...at(link), file_path },
  ];
  expect(messages[0]?.content).toEqual([{ type: 'text', text: { value: answer, annotations } }]);
  const [gathered] = await stream.finalMessages();
  expect(gathered?.content).toEqual(messages[0]?.content);
  const deltas = events.flatMap(({ event, data }) =>
    event === 'thread.message.delta' ? (data.delta.content ?? []) : [],
  );
  const annotated = deltas.flatMap((part) =>
    part.type === 'text' ? (part.text?.annotations ?? []) : [],
  );
  expect(annotated).toMatchObject(
    annotations.map((annotation, index) => ({ index, ...annotation })),
  );
});

test('honours how many results the tool asks for', async () => {
  const limited = await searching(
    env,
    [search('fish', 'tower'), text('Done.')],
    [{ type: 'file_search', file_search: { max_num_results: 1 } }],
  );
  const run = await env.client.beta.threads.runs.createAndPoll(limited.threadId, {
    assistant_id: limited.assistant.id,
  });
  expect(callsOf((await readStored(env, run)).steps)[0]?.file_search.results).toHaveLength(1);
});

test('leaves out results below the threshold of the tool', async () => {
  const ranking_options = { ranker: 'auto' as const, score_threshold: 0.9 };
  const { files, threadId, assistant } = await searching(
    env,
    [search('blue fish moss tower'), text('Done.')],
    [{ type: 'file_search', file_search: { ranking_options } }],
  );
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
  });
  const [call] = callsOf((await readStored(env, run)).steps);
  expect(call?.file_search).toMatchObject({ ranking_options, results: [{ file_id: files.fish }] });
  expect(call?.file_search.results).toHaveLength(1);
});

test('does not offer a search when there is nothing to search', async () => {
  const { threadId, assistant, model } = await setUp(env, [text('Hello.')], { tools: [SEARCH] });
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
  });
  expect(run.status).toBe('completed');
  expect(env.model.requests(model)[0]?.body.tools).toBeUndefined();
});

test('an attachment fills a store of the thread, for which the run waits', async () => {
  const file = await upload(env.client, FISH, 'fish.txt');
  const { threadId, assistant } = await setUp(
    env,
    [search('moss'), text('Moss【2:0†fish.txt】.')],
    { tools: [SEARCH] },
  );
  await env.client.beta.threads.messages.create(threadId, {
    role: 'user',
    content: 'What do they eat?',
    attachments: [{ file_id: file, tools: [SEARCH] }],
  });
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
  });
  const { messages } = await checkRun(env, run);
  expect(messages[0]?.content).toMatchObject([
    { text: { annotations: [{ file_citation: { file_id: file } }] } },
  ]);
  const thread = await env.client.beta.threads.retrieve(threadId);
  const [storeId] = thread.tool_resources?.file_search?.vector_store_ids ?? [];
  const made = await env.client.vectorStores.retrieve(storeId!);
  expect(made).toMatchObject({
    expires_after: { anchor: 'last_active_at', days: 7 },
    file_counts: { completed: 1, total: 1 },
  });
  const other = await upload(env.client, FACTS, 'facts.txt');
  await env.client.beta.threads.messages.create(threadId, {
    role: 'user',
    content: 'And this?',
    attachments: [{ file_id: other, tools: [SEARCH] }],
  });
  expect((await env.client.vectorStores.retrieve(storeId!)).file_counts.total).toBe(2);
});

test('makes the stores that a helper asks for', async () => {
  const file = await upload(env.client, FISH, 'fish.txt');
  const helper = { file_search: { vector_stores: [{ file_ids: [file], metadata: { a: 'b' } }] } };
  const assistant = await env.client.beta.assistants.create({
    model: 'm',
    tools: [SEARCH],
    tool_resources: helper,
  });
  const thread = await env.client.beta.threads.create({ tool_resources: helper });
  const days: unknown[] = [];
  for (const { tool_resources } of [assistant, thread]) {
    expect(Object.keys(tool_resources?.file_search ?? {})).toEqual(['vector_store_ids']);
    const [id] = tool_resources?.file_search?.vector_store_ids ?? [];
    const made = await env.client.vectorStores.retrieve(id!);
    expect(made).toMatchObject({ metadata: { a: 'b' }, file_counts: { total: 1 } });
    days.push(made.expires_after);
  }
  expect(days).toEqual([null, { anchor: 'last_active_at', days: 7 }]);
});
