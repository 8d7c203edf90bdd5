/** Runs to every end, each as a stream; their steps and messages in lists and one by one. */
import type { RunCreateParams } from 'openai/resources/beta/threads/runs/runs';

import { createFile } from '../../support/files.ts';
import { chunks, cutAfter, hold, status, text, toolCalls } from '../../support/fake-model.ts';
import type { Reply } from '../../support/fake-model.ts';
import { CODE, outputsFor, reached, setUp, WEATHER } from '../../support/runs.ts';
import type { Setup } from '../../support/runs.ts';
import { SEARCH, search, searching } from '../../support/searching.ts';
import { readAll, request } from './scene.ts';
import type { Scene } from './scene.ts';

type Fields = Parameters<typeof setUp>[2];
type Where = { thread_id: string; run_id: string };
type RunFields = Partial<Omit<RunCreateParams, 'stream'>>;

const INCLUDE = ['step_details.tool_calls[*].file_search.results[*].content' as const];
const call = () => toolCalls([{ name: 'get_weather', arguments: { city: 'Paris' } }]);
const code = (source: string) =>
  toolCalls([{ name: 'code_interpreter', arguments: { code: source } }]);
const refusal = chunks([
  { choices: [{ index: 0, delta: { refusal: 'I cannot ' } }] },
  { choices: [{ index: 0, delta: { refusal: 'say.' } }] },
  { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
]);
const PROGRAM = [
  'import matplotlib.pyplot as plt',
  'print("Drawing.")',
  'plt.plot([0, 1]); plt.show()',
  'open("sum.csv", "w").write("1,2")',
].join('\n');

/** Streams a run to its end or pause, then reads all that is stored of it. */
async function streamed(scene: Scene, setup: Setup, fields: RunFields = {}): Promise<string> {
  const { runs } = scene.client.beta.threads;
  const stream = runs.stream(setup.threadId, { assistant_id: setup.assistant.id, ...fields });
  const { id } = await stream.finalRun();
  await readStored(scene, { thread_id: setup.threadId, run_id: id });
  return id;
}

async function readStored({ client }: Scene, where: Where): Promise<void> {
  const { runs, messages } = client.beta.threads;
  await runs.retrieve(where.run_id, where);
  const steps = await readAll(runs.steps.list(where.run_id, { ...where, limit: 1 }));
  await runs.steps.list(where.run_id, { ...where, include: INCLUDE, order: 'asc' });
  for (const { id } of steps) await runs.steps.retrieve(id, { ...where, include: INCLUDE });
  await readAll(messages.list(where.thread_id, { run_id: where.run_id, limit: 1 }));
}

/** A run of these replies to its end. */
async function ends(
  scene: Scene,
  replies: Reply[],
  fields: Fields = {},
  run: RunFields = {},
): Promise<void> {
  await streamed(scene, await setUp(scene.env, replies, fields), run);
}

/** The log of a run that has ended: as it was, and made up from what is stored once its events are gone. */
async function readLogs(scene: Scene, { threadId }: Setup, runId: string): Promise<void> {
  const path = `/threads/${threadId}/runs/${runId}/events`;
  await (await request(scene, 'GET', path)).text();
  await scene.env.pool.query('delete from run_events where run_id = $1', [runId]);
  await (await request(scene, 'GET', path)).text();
}

export async function runsThatEnd(scene: Scene): Promise<void> {
  await ends(scene, [text('A mild day.')], { instructions: null, reasoning_effort: 'low' });
  await ends(scene, [refusal]);
  await ends(scene, [text('Cut', { finishReason: 'length' })]);
  await ends(scene, [text('No', { finishReason: 'content_filter' })]);
  await ends(scene, [cutAfter(text('One two three four.'), 3), text('Again.')]);
  await ends(scene, [status(400)]);
  await ends(scene, [status(429, { headers: { 'x-should-retry': 'false' } })]);
  await ends(scene, [status(500, { headers: { 'x-should-retry': 'false' } })]);
  await ends(scene, [call()], { tools: [WEATHER] }, { max_completion_tokens: 16 });
  const long = await setUp(scene.env, [], {}, 'word '.repeat(1_000));
  await streamed(scene, long, { max_prompt_tokens: 16 });
}

export async function runsThatCallFunctions(scene: Scene): Promise<void> {
  const { client, env } = scene;
  const { runs } = client.beta.threads;
  const setup = await setUp(env, [call(), call(), text('Sunny.')], { tools: [WEATHER] });
  const runId = await streamed(scene, setup);
  const where = { thread_id: setup.threadId };
  const paused = await runs.retrieve(runId, where);
  await runs.update(runId, { ...where, metadata: { a: '1' } });
  await request(scene, 'POST', `/threads/${setup.threadId}/runs`, {
    assistant_id: setup.assistant.id,
  });
  const next = await runs
    .submitToolOutputsStream(runId, { ...where, tool_outputs: outputsFor(paused) })
    .finalRun();
  await runs.submitToolOutputs(runId, { ...where, tool_outputs: outputsFor(next) });
  await runs.poll(runId, where);
  await readStored(scene, { ...where, run_id: runId });
  await request(scene, 'POST', `/threads/${setup.threadId}/runs/${runId}/submit_tool_outputs`, {
    tool_outputs: [],
  });
}

export async function runsWithTools(scene: Scene): Promise<void> {
  const answer = 'It is [here](sandbox:/mnt/data/sum.csv).';
  const replies = [code(PROGRAM), text(answer)];
  const setup = await setUp(scene.env, replies, { tools: [CODE] });
  await readLogs(scene, setup, await streamed(scene, setup));
  for (const { id } of await readAll(scene.client.files.list({ purpose: 'assistants_output' }))) {
    await (await scene.client.files.content(id)).arrayBuffer();
  }
  const found = () => [search('What do fish eat?'), text('Moss【1:0†fish.txt】.')];
  await streamed(scene, await searching(scene.env, found()));
  await streamed(scene, await searching(scene.env, found()), { include: INCLUDE });
  const options = { ranking_options: { score_threshold: 0.1, ranker: 'auto' as const } };
  const tools = [{ ...SEARCH, file_search: { max_num_results: 1, ...options } }];
  const searched = await searching(scene.env, found(), tools);
  await readLogs(scene, searched, await streamed(scene, searched));
}

export async function runsWithEveryField(scene: Scene): Promise<void> {
  const { client, env } = scene;
  const replies = [call(), text('One.'), call(), text('Two.')];
  const { assistant, model } = await setUp(env, replies);
  const choice = { type: 'function' as const, function: { name: 'get_weather' } };
  const fields = {
    assistant_id: assistant.id,
    model,
    instructions: 'Be brief.',
    tools: [WEATHER, CODE],
    tool_choice: choice,
    temperature: 0.5,
    top_p: 0.5,
    metadata: { a: '1' },
    max_prompt_tokens: 10_000,
    max_completion_tokens: 1_000,
    parallel_tool_calls: false,
    truncation_strategy: { type: 'last_messages' as const, last_messages: 5 },
    response_format: { type: 'json_object' as const },
  };
  const fileId = await createFile(client);
  const thread = { messages: [{ role: 'user' as const, content: 'JSON, please.' }] };
  const run = await client.beta.threads.createAndRunPoll({
    ...fields,
    thread,
    tool_resources: { code_interpreter: { file_ids: [fileId] } },
  });
  const { runs } = client.beta.threads;
  const where = { thread_id: run.thread_id };
  await runs.submitToolOutputsAndPoll(run.id, { ...where, tool_outputs: outputsFor(run) });
  const again = await runs.createAndPoll(run.thread_id, {
    ...fields,
    reasoning_effort: 'high',
    additional_instructions: 'Now.',
    additional_messages: [{ role: 'user', content: 'Again.' }],
  });
  await runs.submitToolOutputsAndPoll(again.id, { ...where, tool_outputs: outputsFor(again) });
  await readAll(runs.list(run.thread_id, { limit: 1 }));
  await runs.list(run.thread_id, { order: 'asc', after: run.id });
  await runs.list((await client.beta.threads.create()).id);
  await request(scene, 'GET', `/threads/${run.thread_id}/runs/run_none`);
  await request(scene, 'POST', `/threads/${run.thread_id}/runs/${run.id}/cancel`);
  await request(scene, 'POST', '/threads/runs', { assistant_id: 1 });
}

export async function runWithItsThread(scene: Scene): Promise<void> {
  const { assistant } = await setUp(scene.env, [text('Hello.')]);
  const thread = { messages: [{ role: 'user' as const, content: 'Hi' }] };
  await scene.client.beta.threads
    .createAndRunStream({ assistant_id: assistant.id, thread })
    .finalRun();
}

/** A run whose stream is being read, at the given event. */
async function follow(scene: Scene, setup: Setup, until: string) {
  const { client, env } = scene;
  const stream = client.beta.threads.runs.stream(setup.threadId, {
    assistant_id: setup.assistant.id,
  });
  const ended = stream.finalRun();
  const { id } = await new Promise<{ id: string }>((resolve) => {
    stream.on('event', ({ event, data }) => event === 'thread.run.created' && resolve(data));
  });
  await reached(env, { id, thread_id: setup.threadId }, until);
  return { where: { thread_id: setup.threadId, run_id: id }, ended };
}

export async function runsThatAreCancelled(scene: Scene): Promise<void> {
  const { runs } = scene.client.beta.threads;
  const held = hold(text('One two three four.'), { afterChunks: 2 });
  const setup = await setUp(scene.env, [held.reply]);
  const { where, ended } = await follow(scene, setup, 'thread.message.delta');
  await runs.retrieve(where.run_id, where);
  await runs.cancel(where.run_id, where);
  await ended;
  held.release();
  await readStored(scene, where);
}

export async function runsThatExpire(scene: Scene): Promise<void> {
  const held = hold(text('One two three four.'), { afterChunks: 2 });
  const speaking = await setUp(scene.env, [held.reply]);
  const answer = await follow(scene, speaking, 'thread.message.delta');
  await expire(scene, answer.where);
  await answer.ended;
  held.release();
  const setup = await setUp(scene.env, [call()], { tools: [WEATHER] });
  const run_id = await streamed(scene, setup);
  await expire(scene, { thread_id: setup.threadId, run_id });
}

/** As if its time were over: whoever reads a run past its deadline ends it. */
async function expire(scene: Scene, where: Where): Promise<void> {
  await scene.env.pool.query('update runs set expires_at = created_at - 60 where id = $1', [
    where.run_id,
  ]);
  await readStored(scene, where);
}

/** A run that is deleted with its thread ends its stream with an error. */
export async function runThatIsDeleted(scene: Scene): Promise<void> {
  const held = hold(text('One two three four.'), { afterChunks: 2 });
  const { assistant, threadId } = await setUp(scene.env, [held.reply]);
  const path = `/threads/${threadId}/runs`;
  const answer = await request(scene, 'POST', path, { assistant_id: assistant.id, stream: true });
  await held.reached;
  await scene.client.beta.threads.delete(threadId);
  held.release();
  await answer.text();
}
