/** One check per function: it fails by throwing. See replies.ts for what the models say. */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

const PREFIX = process.env.SCENARIO_CLIENT;
const LONG_MS = Number(process.env.SCENARIO_LONG_MS);
const SAID = 'Hello there, größte 🧵.';
const WEATHER = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};
const ENDS = ['thread.message.completed', 'thread.run.step.completed', 'thread.run.completed'];
const CALLBACKS = [
  'connect textCreated textDelta textDone messageCreated messageDelta messageDone',
  'runStepCreated runStepDelta runStepDone toolCallCreated toolCallDelta toolCallDone',
  'imageFileDone run end error abort',
]
  .join(' ')
  .split(' ');

export function checksOf(openai, { AssistantStream, major }) {
  const { default: OpenAI, toFile } = openai;
  const client = new OpenAI({ maxRetries: 0, timeout: 120_000 });
  const { batches, beta, files, vectorStores } = client;
  const { threads, assistants } = beta;
  const { messages, runs } = threads;

  /** Until version 4 the ids of a path were arguments of their own; later only the last is, the others are fields. */
  const at = (thread_id, id, fields) =>
    major === 4 ? [thread_id, id, fields] : [id, { thread_id, ...fields }];
  const remove = major === 4 ? 'del' : 'delete';

  const assistantOf = (model, fields) =>
    assistants.create({ model: `${PREFIX}:${model}`, instructions: 'Be kind.', ...fields });
  const newThread = (content = 'Hi') => threads.create({ messages: [{ role: 'user', content }] });
  /** What every run needs: a thread, and an assistant with a model of its own. */
  const start = async (model, fields) => {
    const [thread, assistant] = await Promise.all([newThread(), assistantOf(model, fields)]);
    return [thread.id, { assistant_id: assistant.id }];
  };
  const said = async (threadId) =>
    texts((await messages.list(threadId, { order: 'asc' })).data).slice(1);

  return {
    async assistants() {
      const tools = [WEATHER, { type: 'code_interpreter' }];
      const made = await assistantOf('nobody', { name: 'Tester', tools });
      deepEqual(await assistants.retrieve(made.id), made);
      const fields = { name: 'Other', temperature: 0.5, metadata: { a: 'b' } };
      const { name, temperature, metadata } = await assistants.update(made.id, fields);
      deepEqual({ name, temperature, metadata }, fields);
      const listed = await assistants.list({ limit: 100 });
      ok(listed.data.some(({ id }) => id === made.id));
      equal((await assistants[remove](made.id)).deleted, true);
      await rejects(assistants.retrieve(made.id), openai.NotFoundError);
    },

    async threads() {
      const { id } = await threads.create({ metadata: { a: 'b' } });
      deepEqual((await threads.update(id, { metadata: { c: 'd' } })).metadata, { c: 'd' });
      deepEqual((await threads.retrieve(id)).metadata, { c: 'd' });
      equal((await threads[remove](id)).deleted, true);
      await rejects(threads.retrieve(id), openai.NotFoundError);
    },

    async messages() {
      const thread = await threads.create();
      const content = [
        { type: 'text', text: 'größte 🧵' },
        { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
      ];
      const message = await messages.create(thread.id, { role: 'user', content });
      deepEqual(typesOf(message.content), ['text', 'image_url']);
      const changed = await messages.update(...at(thread.id, message.id, { metadata: { a: 'b' } }));
      deepEqual(changed.metadata, { a: 'b' });
      deepEqual(texts([await messages.retrieve(...at(thread.id, message.id))]), ['größte 🧵']);
      equal((await messages[remove](...at(thread.id, message.id))).deleted, true);
      deepEqual((await messages.list(thread.id)).data, []);
    },

    async paging() {
      const thread = await newThread('0');
      for (const content of '123456') await messages.create(thread.id, { role: 'user', content });
      const ascending = await collected(messages.list(thread.id, { limit: 3, order: 'asc' }));
      equal(texts(ascending).join(''), '0123456');
      equal(texts(await collected(messages.list(thread.id, { limit: 2 }))).join(''), '6543210');
      const page = await messages.list(thread.id, { limit: 3 });
      const pages = await collected(page.iterPages());
      deepEqual(
        pages.map(({ data }) => data.length),
        [3, 3, 1],
      );
    },

    async files() {
      const file = await toFile(Buffer.from('a,b\n'), 'größe.csv');
      const made = await files.create({ file, purpose: 'user_data' });
      deepEqual([made.filename, made.bytes], ['größe.csv', 4]);
      deepEqual(await files.retrieve(made.id), made);
      equal(await (await files.content(made.id)).text(), 'a,b\n');
      const listed = await collected(files.list({ purpose: 'user_data' }));
      ok(listed.some(({ id }) => id === made.id));
      equal((await files[remove](made.id)).deleted, true);
    },

    /** As the vendor's guide does it: upload, create, poll, download. */
    async batches() {
      const { id: assistant_id } = await assistantOf('text');
      const body = { assistant_id, thread: { messages: [{ role: 'user', content: 'Hi' }] } };
      const url = '/v1/threads/runs';
      const names = ['one', 'two', 'three'];
      const lines = names.map((custom_id) => ({ custom_id, method: 'POST', url, body }));
      const content = lines.map((line) => JSON.stringify(line)).join('\n');
      const file = await toFile(Buffer.from(content), 'input.jsonl');
      const { id: input_file_id } = await files.create({ file, purpose: 'batch' });
      const settings = { endpoint: url, completion_window: '24h', metadata: { a: 'b' } };
      let batch = await batches.create({ input_file_id, ...settings });
      while (!['completed', 'failed', 'expired', 'cancelled'].includes(batch.status)) {
        await sleep(100);
        batch = await batches.retrieve(batch.id);
      }
      deepEqual([batch.status, batch.error_file_id], ['completed', null]);
      deepEqual(batch.metadata, { a: 'b' });
      deepEqual(batch.request_counts, { total: 3, completed: 3, failed: 0 });
      const output = await (await files.content(batch.output_file_id)).text();
      const results = output
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      deepEqual(
        results.map(({ custom_id }) => custom_id),
        names,
      );
      ok(results.every(({ response }) => response.body.status === 'completed'));
      const listed = await collected(batches.list({ limit: 1 }));
      ok(listed.some(({ id }) => id === batch.id));
      await rejects(batches.cancel(batch.id), openai.BadRequestError);
    },

    async vector_stores() {
      const store = await vectorStores.create({ name: 'Lake' });
      const text = (name, content) => toFile(Buffer.from(content), name);
      const fish = await text('fish.txt', 'Blue fish eat moss.');
      const file = await vectorStores.files.uploadAndPoll(store.id, fish);
      equal(file.status, 'completed');
      const more = [
        await text('one.md', 'The tower of Quill.'),
        await text('two.md', 'The bridge of Quill.'),
      ];
      const batch = await vectorStores.fileBatches.uploadAndPoll(store.id, { files: more });
      deepEqual([batch.status, batch.file_counts.completed], ['completed', 2]);
      const found = await collected(vectorStores.search(store.id, { query: 'moss' }));
      deepEqual(
        found.map(({ filename }) => filename),
        ['fish.txt'],
      );
      equal((await vectorStores[remove](store.id)).deleted, true);
    },

    async create_and_poll() {
      const [threadId, body] = await start('text');
      const run = await runs.createAndPoll(threadId, body);
      deepEqual([run.status, await said(threadId)], ['completed', [SAID]]);
      const steps = await collected(runs.steps.list(...at(threadId, run.id, {})));
      deepEqual(typesOf(steps), ['message_creation']);
      const place =
        major === 4
          ? [threadId, run.id, steps[0].id]
          : [steps[0].id, { run_id: run.id, thread_id: threadId }];
      deepEqual((await runs.steps.retrieve(...place)).usage, run.usage);
      deepEqual(
        (await runs.list(threadId)).data.map(({ id }) => id),
        [run.id],
      );
      const changed = await runs.update(...at(threadId, run.id, { metadata: { a: 'b' } }));
      deepEqual(changed.metadata, { a: 'b' });
    },

    async create_and_run_poll() {
      const { id } = await assistantOf('text');
      const thread = { messages: [{ role: 'user', content: 'Hi' }] };
      const run = await threads.createAndRunPoll({ assistant_id: id, thread });
      deepEqual([run.status, await said(run.thread_id)], ['completed', [SAID]]);
    },

    async outputs_and_poll() {
      const paused = await runs.createAndPoll(...(await start('calls', { tools: [WEATHER] })));
      equal(paused.status, 'requires_action');
      const place = at(paused.thread_id, paused.id, { tool_outputs: outputsOf(paused) });
      const done = await runs.submitToolOutputsAndPoll(...place);
      deepEqual([done.status, await said(done.thread_id)], ['completed', ['Sunny in both.']]);
    },

    async cancel_waiting() {
      const paused = await runs.createAndPoll(...(await start('calls', { tools: [WEATHER] })));
      const place = () => at(paused.thread_id, paused.id);
      const cancelling = await runs.cancel(...place());
      ok(['cancelling', 'cancelled'].includes(cancelling.status), cancelling.status);
      const ended = await runs.poll(...place());
      equal(ended.status, 'cancelled');
      await rejects(runs.cancel(...place()), (error) => {
        ok(error instanceof openai.BadRequestError);
        equal(error.error.message, "Cannot cancel run with status 'cancelled'.");
        return true;
      });
    },

    async cancel_streaming() {
      const stream = runs.stream(...(await start('stuck')));
      const events = [];
      for await (const { event } of stream) {
        events.push(event);
        const run = stream.currentRun();
        if (event === 'thread.message.delta') await runs.cancel(...at(run.thread_id, run.id));
      }
      deepEqual(events.slice(-4), [
        'thread.run.cancelling',
        'thread.message.incomplete',
        'thread.run.step.cancelled',
        'thread.run.cancelled',
      ]);
      equal((await stream.finalRun()).status, 'cancelled');
    },

    async raw_events() {
      const [threadId, body] = await start('text');
      const events = await collected(await runs.create(threadId, { ...body, stream: true }));
      const names = events.map(({ event }) => event);
      deepEqual(names.slice(0, 8), [
        'thread.run.created',
        'thread.run.queued',
        'thread.run.in_progress',
        'thread.run.step.created',
        'thread.run.step.in_progress',
        'thread.message.created',
        'thread.message.in_progress',
        'thread.message.delta',
      ]);
      deepEqual(namesAtEnd(names), [...ENDS, 'done']);
    },

    async text_callbacks() {
      const stream = runs.stream(...(await start('text')));
      const seen = record(stream);
      const run = await stream.finalRun();
      await stream.done();
      const middle = seen.calls.filter((name) => /^(text|message)Delta$/.test(name));
      ok(middle.length >= 2);
      deepEqual(
        seen.calls.filter((name) => !/^(text|message)Delta$/.test(name)),
        ['connect', 'runStepCreated', 'messageCreated', 'textCreated', 'textDone']
          .concat(['messageDone', 'runStepDone'])
          .concat(major < 7 ? [] : 'run') // Older versions declare it, and never emit it.
          .concat('end'),
      );
      deepEqual(run, await runs.retrieve(...at(run.thread_id, run.id)));
      equal(seen.text, SAID);
      deepEqual(texts(await stream.finalMessages()), await said(run.thread_id));
      deepEqual(
        (await stream.finalRunSteps()).map(({ status }) => status),
        ['completed'],
      );
    },

    async new_thread_stream() {
      const { id } = await assistantOf('text');
      const thread = { messages: [{ role: 'user', content: 'Hi' }] };
      const stream = threads.createAndRunStream({ assistant_id: id, thread });
      const seen = record(stream);
      deepEqual([(await stream.finalRun()).status, seen.text], ['completed', SAID]);
    },

    async function_callbacks() {
      const stream = runs.stream(...(await start('calls', { tools: [WEATHER] })));
      const seen = record(stream);
      const run = await stream.finalRun();
      equal(run.status, 'requires_action');
      for (const name of ['toolCallCreated', 'toolCallDelta', 'toolCallDone', 'runStepDelta']) {
        ok(seen.calls.includes(name), `${name} is not among ${seen.calls.join()}`);
      }
      deepEqual(
        [...seen.done.values()].map((call) => call.function.arguments),
        ['{"city":"Rome"}', '{"city":"Oslo"}'],
      );
      const place = at(run.thread_id, run.id, { tool_outputs: outputsOf(run) });
      const rest = runs.submitToolOutputsStream(...place);
      const seenRest = record(rest);
      equal((await rest.finalRun()).status, 'completed');
      equal(seenRest.text, 'Sunny in both.');
      const [step] = await collected(
        runs.steps.list(...at(run.thread_id, run.id, { order: 'asc' })),
      );
      deepEqual(
        step.step_details.tool_calls.map((call) => call.function.output),
        ['Rome is sunny', 'Oslo is sunny'],
      );
    },

    /** Code that takes its time, what it prints, and an image, by callbacks alone. */
    async code_callbacks() {
      const tools = [{ type: 'code_interpreter' }];
      const stream = runs.stream(...(await start('code', { tools })));
      const seen = record(stream);
      equal((await stream.finalRun()).status, 'completed');
      for (const name of ['toolCallCreated', 'toolCallDelta', 'toolCallDone', 'imageFileDone']) {
        ok(seen.calls.includes(name), `${name} is not among ${seen.calls.join()}`);
      }
      const [call] = seen.done.values();
      deepEqual(typesOf(call.code_interpreter.outputs), ['logs', 'image']);
      const image = await files.content(seen.images[0]);
      equal(Buffer.from(await image.arrayBuffer()).toString('latin1', 1, 4), 'PNG');
      equal(seen.text, 'That is it.');
    },

    async error_callback() {
      const thread = await newThread();
      const stream = runs.stream(thread.id, { assistant_id: 'asst_nobody' });
      const seen = record(stream);
      await rejects(stream.done(), openai.NotFoundError);
      deepEqual(seen.calls, ['error', 'end']);
    },

    async abort_callback() {
      const stream = runs.stream(...(await start('stuck')));
      const seen = record(stream);
      stream.on('textDelta', () => stream.abort());
      await rejects(stream.done(), openai.APIUserAbortError);
      deepEqual(seen.calls.slice(-2), ['abort', 'end']);
      const run = stream.currentRun();
      await runs.cancel(...at(run.thread_id, run.id));
    },

    async readable_stream() {
      const first = runs.stream(...(await start('text')));
      const second = AssistantStream.fromReadableStream(first.toReadableStream());
      const seen = record(second);
      deepEqual([(await second.finalRun()).status, seen.text], ['completed', SAID]);
    },

    async failed_run() {
      const { status, last_error } = await runs.stream(...(await start('refuses'))).finalRun();
      deepEqual([status, last_error.code], ['failed', 'invalid_prompt']);
    },

    async errors() {
      const failure = async (call) => {
        const error = await call.then(
          () => undefined,
          (reason) => reason,
        );
        return [error.constructor, error.status, error.type, error.code, error.error.message];
      };
      const type = 'invalid_request_error';
      const nobody = "No assistant found with id 'asst_nobody'.";
      const { NotFoundError, BadRequestError, AuthenticationError } = openai;
      deepEqual(await failure(assistants.retrieve('asst_nobody')), [
        NotFoundError,
        404,
        type,
        null,
        nobody,
      ]);
      const thread = await newThread();
      const robot = messages.create(thread.id, { role: 'robot', content: 'Hi' });
      deepEqual((await failure(robot)).slice(0, 4), [BadRequestError, 400, type, 'invalid_value']);
      const streamed = runs.create(thread.id, { assistant_id: 'asst_nobody', stream: true });
      deepEqual((await failure(streamed)).slice(0, 2), [NotFoundError, 404]);
      const stranger = new OpenAI({ maxRetries: 0, apiKey: 'sk-wrong' });
      deepEqual((await failure(stranger.beta.threads.create())).slice(0, 4), [
        AuthenticationError,
        401,
        type,
        'invalid_api_key',
      ]);
    },

    async raw_response() {
      const { data, response } = await threads.create().withResponse();
      equal(response.headers.get('openai-version'), '2020-10-01');
      equal(data._request_id, response.headers.get('x-request-id'));
    },

    /** An endpoint and a key are all that its client is given. */
    async azure() {
      const endpoint = client.baseURL.replace(/\/v1$/, '');
      const { apiKey } = client;
      const apiVersion = '2024-05-01-preview';
      // Null: not that of the environment.
      const azure = new openai.AzureOpenAI({ endpoint, apiKey, apiVersion, baseURL: null });
      const model = `${PREFIX}:text`;
      const body = { messages: [{ role: 'user', content: 'Hi' }] };
      const made = await azure.beta.assistants.create({ model });
      const thread = await azure.beta.threads.create(body);
      const stream = azure.beta.threads.runs.stream(thread.id, { assistant_id: made.id });
      deepEqual(texts(await stream.finalMessages()), [SAID]);
      const chunks = await collected(
        await azure.chat.completions.create({ model, stream: true, ...body }),
      );
      equal(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join(''), SAID);
    },

    /** The model says two words, nothing for long, and the rest. */
    async long_silent_stream() {
      const began = performance.now();
      const [threadId, body] = await start('silent');
      const events = await collected(await runs.create(threadId, { ...body, stream: true }));
      ok(performance.now() - began >= LONG_MS);
      const names = events.map(({ event }) => event);
      deepEqual(namesAtEnd(names), [...ENDS, 'done']);
      const message = events.find(({ event }) => event === 'thread.message.completed').data;
      deepEqual(texts([message]), ['one two three four']);
    },

    async long_silent_callbacks() {
      const stream = runs.stream(...(await start('silent')));
      const seen = record(stream);
      equal((await stream.finalRun()).status, 'completed');
      equal(seen.text, 'one two three four');
    },

    /** The model says a word every now and then, for as long. */
    async long_busy_stream() {
      const began = performance.now();
      const stream = runs.stream(...(await start('busy')));
      const seen = record(stream);
      const run = await stream.finalRun();
      ok(performance.now() - began >= LONG_MS);
      deepEqual(await said(run.thread_id), [seen.text]);
      ok(seen.text.startsWith('word word ') && seen.deltas > 5);
    },

    /** The model is silent from the outputs on. */
    async long_silent_outputs() {
      const paused = await runs.createAndPoll(
        ...(await start('silent-outputs', { tools: [WEATHER] })),
      );
      const began = performance.now();
      const stream = runs.submitToolOutputsStream(
        ...at(paused.thread_id, paused.id, { tool_outputs: outputsOf(paused) }),
      );
      const seen = record(stream);
      equal((await stream.finalRun()).status, 'completed');
      ok(performance.now() - began >= LONG_MS);
      equal(seen.text, 'one two three four');
    },
  };
}

/** Notes every callback of a stream, once for a row of the same, and checks what it is given. */
function record(stream) {
  const seen = { calls: [], text: '', deltas: 0, done: new Map(), images: [] };
  for (const name of CALLBACKS) {
    stream.on(name, () => seen.calls.at(-1) === name || seen.calls.push(name));
  }
  stream.on('textDelta', ({ value }, snapshot) => {
    seen.text += value ?? '';
    seen.deltas++;
    equal(snapshot.value, seen.text);
  });
  stream.on('textDone', ({ value }) => equal(value, seen.text));
  stream.on('runStepDelta', (delta, snapshot) =>
    equal(delta.step_details.type, snapshot.step_details.type),
  );
  stream.on('toolCallDelta', (delta, snapshot) => equal(delta.type, snapshot.type));
  stream.on('toolCallDone', (call) => seen.done.set(call.id, call));
  stream.on('imageFileDone', ({ file_id }) => seen.images.push(file_id));
  return seen;
}

async function collected(items) {
  const all = [];
  for await (const item of items) all.push(item);
  return all;
}

function texts(messages) {
  const parts = messages.flatMap(({ content }) => content).filter(({ type }) => type === 'text');
  return parts.map(({ text }) => text.value);
}

const typesOf = (items) => items.map(({ type }) => type);

/** The last event's names. Clients differ in whether they hand out `done`, which carries no object. */
function namesAtEnd(names) {
  return names.at(-1) === 'done' ? names.slice(-4) : [...names.slice(-3), 'done'];
}

function outputsOf(run) {
  return run.required_action.submit_tool_outputs.tool_calls.map((call) => ({
    tool_call_id: call.id,
    output: `${JSON.parse(call.function.arguments).city} is sunny`,
  }));
}
