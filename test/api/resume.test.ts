import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { hold, paced, text, toolCalls } from '../support/fake-model.ts';
import { assertLegalStream, outline, readEvents, readToDone } from '../support/legal-stream.ts';
import type { StreamEvent } from '../support/legal-stream.ts';
import {
  checkRun,
  openLog,
  outputsFor,
  readLog,
  readStored,
  setUp,
  WEATHER,
} from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

const call = () => toolCalls([{ name: 'get_weather', arguments: { city: 'Paris' } }]);

function post(path: string, body: object, headers: Record<string, string> = {}) {
  return env.fetch(path, { method: 'POST', body: JSON.stringify(body), headers });
}

/** A run that has ended, with its whole log. */
async function endedRun() {
  const { assistant, threadId } = await setUp(env, [text('One two three four five six.')]);
  const run = await env.client.beta.threads.runs.createAndPoll(threadId, {
    assistant_id: assistant.id,
  });
  return { run, log: await readLog(env, run) };
}

test('numbers the events of a stream from 1 without a gap', async () => {
  const { assistant, threadId } = await setUp(env, [text('Hello you.')]);
  const response = await post(`/v1/threads/${threadId}/runs`, {
    assistant_id: assistant.id,
    stream: true,
  });
  const events = await readToDone(response);
  expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => index + 1));
  assertLegalStream(events);
});

test('goes on after any event, asked for by header or by query', async () => {
  const { run, log } = await endedRun();
  for (const seen of [0, 1, 4, log.length - 1]) {
    const byHeader = await openLog(env, run, '', { 'last-event-id': String(seen) });
    expect(await readToDone(byHeader)).toEqual(log.slice(seen));
    const byQuery = await openLog(env, run, `?starting_after=${seen}`);
    expect(await readToDone(byQuery)).toEqual(log.slice(seen));
  }
});

test('is done at once for a client that has seen the last event', async () => {
  const { run, log } = await endedRun();
  for (const seen of [log.length, log.length + 1, 999_999_999]) {
    const byHeader = await openLog(env, run, '', { 'last-event-id': String(seen) });
    expect(await readToDone(byHeader)).toEqual([]);
    expect(await readToDone(await openLog(env, run, `?starting_after=${seen}`))).toEqual([]);
  }
  await env.pool.query('delete from run_events where run_id = $1', [run.id]);
  const dropped = await openLog(env, run, `?starting_after=${log.length}`);
  expect(await readToDone(dropped)).toEqual([]);
});

test('is done at once for a client that comes back to a run that waits for it', async () => {
  const { assistant, threadId } = await setUp(env, [call(), text('Sunny.')], { tools: [WEATHER] });
  const { runs } = env.client.beta.threads;
  const create = (headers: Record<string, string> = {}) =>
    post(
      `/v1/threads/${threadId}/runs`,
      { assistant_id: assistant.id, stream: true },
      { 'idempotency-key': `create-${threadId}`, ...headers },
    );
  const before = await readToDone(await create());
  const seen = { 'last-event-id': String(before.length) };
  const [paused] = (await runs.list(threadId)).data;
  expect(await readToDone(await openLog(env, paused!, '', seen))).toEqual([]);
  expect(await readToDone(await create(seen))).toEqual([]);
  const submit = (headers: Record<string, string> = {}) =>
    post(
      `/v1/threads/${threadId}/runs/${paused!.id}/submit_tool_outputs`,
      { tool_outputs: outputsFor(paused!), stream: true },
      { 'idempotency-key': `submit-${threadId}`, ...headers },
    );
  const after = await readToDone(await submit());
  const all = { 'last-event-id': String(before.length + after.length) };
  expect(await readToDone(await submit(all))).toEqual([]);
  // The first request's stream ended with the pause, also now that the run went on.
  expect(await readToDone(await create(seen))).toEqual([]);
  expect(await readToDone(await submit(seen))).toEqual(after);
});

test('goes on with what is next for a place that no event has had', async () => {
  const held = hold(text('One two three four five six.'), { afterChunks: 3 });
  const { assistant, threadId } = await setUp(env, [held.reply]);
  const run = await env.client.beta.threads.runs.create(threadId, { assistant_id: assistant.id });
  await held.reached;
  const late = openLog(env, run, '?starting_after=999999');
  const response = await late;
  held.release();
  const rest = await readToDone(response);
  const { log } = await checkRun(env, run);
  expect(rest.length).toBeGreaterThan(0);
  expect(rest).toEqual(log.slice(-rest.length));
});

test('ends at once when its run is deleted', async () => {
  const held = hold(text('One two three four five six.'), { afterChunks: 3 });
  const { assistant, threadId } = await setUp(env, [held.reply]);
  const create = () =>
    post(
      `/v1/threads/${threadId}/runs`,
      { assistant_id: assistant.id, stream: true },
      { 'idempotency-key': `deleted-${threadId}` },
    );
  const response = await create();
  await held.reached;
  await env.client.beta.threads.delete(threadId);
  const events: StreamEvent[] = [];
  const reading = (async () => {
    for await (const event of readEvents(response)) events.push(event);
    return 'ended';
  })();
  // Sooner than the check that makes up for a notification that was lost.
  expect(await Promise.race([reading, delay(10_000, 'goes on')])).toBe('ended');
  held.release();
  expect(events.at(-1)?.event).toBe('error');
  expect((await create()).status).toBe(404);
});

test('keeps its connection alive with comments that end no event', async () => {
  await using busy = await Environment.start({ config: { streamKeepAliveMs: 10 } });
  const words = Array.from({ length: 60 }, (_, index) => `${index} `);
  const silent = hold(text('One two.'), { afterChunks: 1 });
  const { assistant, threadId } = await setUp(busy, [
    paced(text(words.join(''), { tokens: words }), { tokensPerSecond: 200 }),
    silent.reply,
  ]);
  for (const round of ['busy', 'silent']) {
    const response = await busy.fetch(`/v1/threads/${threadId}/runs`, {
      method: 'POST',
      body: JSON.stringify({ assistant_id: assistant.id, stream: true }),
    });
    let raw = '';
    for await (const bytes of response.body!) {
      raw += Buffer.from(bytes as Uint8Array).toString();
      if (round === 'silent' && raw.split(': keep-alive\n').length > 20) silent.release();
    }
    expect(raw.match(/^: keep-alive$/gm)?.length).toBeGreaterThan(10);
    expect(raw).not.toMatch(/^:.*\n\n/m);
    assertLegalStream(await readToDone(new Response(raw)));
  }
  expect(busy.model.overruns).toEqual([]);
});

test('takes the later place when header and query name different ones', async () => {
  const { run, log } = await endedRun();
  const response = await openLog(env, run, '?starting_after=2', { 'last-event-id': '5' });
  expect(await readToDone(response)).toEqual(log.slice(5));
});

test('refuses a place that is not a number', async () => {
  const { run } = await endedRun();
  const response = await openLog(env, run, '?starting_after=-1');
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param: 'starting_after' } });
});

test('lets any reader join a run under way, and shows all of them the same', async () => {
  const held = hold(text('One two three four five six.'), { afterChunks: 3 });
  const { assistant, threadId } = await setUp(env, [held.reply]);
  const response = await post(`/v1/threads/${threadId}/runs`, {
    assistant_id: assistant.id,
    stream: true,
  });
  const creator = readToDone(response);
  await held.reached;
  const { id } = (await env.client.beta.threads.runs.list(threadId)).data[0]!;
  const run = { id, thread_id: threadId };
  // The model has said more than the worker may have stored so far.
  const later = () => env.pool.query('select from run_events where run_id = $1 and seq > 5', [id]);
  await expect.poll(async () => (await later()).rowCount).toBeGreaterThan(0);
  const readers = [1, 2, 3].map(() => readLog(env, run));
  const late = openLog(env, run, '?starting_after=5').then(readToDone);
  held.release();
  const seen = await creator;
  for (const reader of readers) expect(await reader).toEqual(seen);
  expect(await late).toEqual(seen.slice(5));
  await checkRun(env, run, [seen]);
});

test('follows a run over its pause, where the stream of the request ends', async () => {
  const { assistant, threadId } = await setUp(env, [call(), text('Sunny.')], { tools: [WEATHER] });
  const { runs } = env.client.beta.threads;
  const first = await post(`/v1/threads/${threadId}/runs`, {
    assistant_id: assistant.id,
    stream: true,
  });
  const before = await readToDone(first);
  const [paused] = (await runs.list(threadId)).data;
  const follower = readLog(env, paused!);
  const second = await post(`/v1/threads/${threadId}/runs/${paused!.id}/submit_tool_outputs`, {
    tool_outputs: outputsFor(paused!),
    stream: true,
  });
  const after = await readToDone(second);
  expect(await follower).toEqual([...before, ...after]);
  expect(after[0]).toMatchObject({ id: before.length + 1, event: 'thread.run.step.completed' });
  await checkRun(env, paused!, [before, after]);
});

test('is not disturbed by a client that leaves, which can then resume', async () => {
  const held = hold(text('One two three four five six.'), { afterChunks: 2 });
  const { assistant, threadId } = await setUp(env, [held.reply]);
  const leave = new AbortController();
  const response = await env.fetch(`/v1/threads/${threadId}/runs`, {
    method: 'POST',
    body: JSON.stringify({ assistant_id: assistant.id, stream: true }),
    signal: leave.signal,
  });
  const seen: StreamEvent[] = [];
  const reading = (async () => {
    for await (const event of readEvents(response)) {
      seen.push(event);
      if (event.event === 'thread.message.delta') leave.abort();
    }
  })();
  await expect(reading).rejects.toThrow(/abort/i);
  held.release();
  const [run] = (await env.client.beta.threads.runs.list(threadId)).data;
  const rest = await readToDone(
    await openLog(env, run!, '', { 'last-event-id': String(seen.at(-1)?.id) }),
  );
  const { run: ended } = await checkRun(env, run!, [[...seen, ...rest]]);
  expect(ended.status).toBe('completed');
});

test('serves a slow reader everything, and nobody waits for it', async () => {
  const value = 'A long line of text to fill what lies between. '.repeat(40);
  const words = Array.from({ length: 1_500 }, (_, index) => `${index} ${value}`);
  const { assistant, threadId } = await setUp(env, [text(words.join(''), { tokens: words })]);
  const slow = await post(`/v1/threads/${threadId}/runs`, {
    assistant_id: assistant.id,
    stream: true,
  });
  const [run] = (await env.client.beta.threads.runs.list(threadId)).data;
  const quick = await readLog(env, run!);
  expect(JSON.stringify(quick).length).toBeGreaterThan(2_000_000);
  expect(await readToDone(slow)).toEqual(quick);
  await checkRun(env, run!, [quick]);
});

test('tells a run again from its objects when its events have been dropped', async () => {
  const { assistant, threadId } = await setUp(
    env,
    [
      toolCalls([{ name: 'get_weather', arguments: { city: 'Paris' } }], { text: 'Let me look.' }),
      text('Sunny.'),
    ],
    { tools: [WEATHER] },
  );
  const { runs } = env.client.beta.threads;
  const paused = await runs.createAndPoll(threadId, { assistant_id: assistant.id });
  await runs.submitToolOutputsAndPoll(paused.id, {
    thread_id: threadId,
    tool_outputs: outputsFor(paused),
  });
  const { log } = await checkRun(env, paused);
  await env.pool.query('delete from run_events where run_id = $1', [paused.id]);
  const told = await readLog(env, paused);
  expect(outline(told)).toEqual([
    'thread.run.created',
    'thread.run.step.created',
    'thread.message.created',
    'thread.message.completed',
    'thread.run.step.completed',
    'thread.run.step.created',
    'thread.run.step.completed',
    'thread.run.step.created',
    'thread.message.created',
    'thread.message.completed',
    'thread.run.step.completed',
    'thread.run.completed',
  ]);
  expect(told.at(-1)?.id).toBe(log.at(-1)?.id);
  assertLegalStream(told, { replay: true, ends: 'end', stored: await readStored(env, paused) });
});

test('has no events for a run that is not there', async () => {
  const { run } = await endedRun();
  const unknown = { id: 'run_nobody', thread_id: run.thread_id };
  const response = await openLog(env, unknown);
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({
    error: { message: "No run found with id 'run_nobody'." },
  });
});
