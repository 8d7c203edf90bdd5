import type OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { ListEnvelope } from '../../wire/types.ts';
import { Environment } from '../support/environment.ts';
import { hold, text, toolCalls } from '../support/fake-model.ts';
import { checkRun, outputsFor, setUp, WEATHER } from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

type Query = { limit?: number; order?: string; after?: string; before?: string };
type Listed = { id: string };

/** Every rule of a list, for one whose five objects are `ids`, newest first. */
async function checkList(
  client: OpenAI,
  path: string,
  ids: string[],
  pages: AsyncIterable<Listed>,
) {
  expect(ids).toHaveLength(5);
  const [a, b, c, d, e] = ids as [string, string, string, string, string];
  const oldestFirst = ids.toReversed();
  const cases: [Query, string[], boolean][] = [
    [{}, ids, false],
    [{ order: 'desc' }, ids, false],
    [{ order: 'asc' }, oldestFirst, false],
    [{ limit: 5 }, ids, false],
    [{ limit: 2 }, [a, b], true],
    [{ limit: 2, after: b }, [c, d], true],
    [{ limit: 2, after: d }, [e], false],
    [{ limit: 2, after: e }, [], false],
    [{ limit: 2, order: 'asc', after: e }, [d, c], true],
    [{ limit: 2, before: d }, [b, c], true],
    [{ limit: 3, before: d }, [a, b, c], false],
    [{ before: a }, [], false],
    [{ limit: 2, order: 'asc', before: a }, [c, b], true],
    [{ after: a, before: d }, [b, c], false],
  ];
  for (const [query, expected, has_more] of cases) {
    const page = await client.get<ListEnvelope<Listed>>(path, { query });
    expect({ ...page, data: page.data.map(({ id }) => id) }, JSON.stringify(query)).toEqual({
      object: 'list',
      data: expected,
      first_id: expected[0] ?? null,
      last_id: expected.at(-1) ?? null,
      has_more,
    });
  }
  const seen: string[] = [];
  for await (const { id } of pages) seen.push(id);
  expect(seen).toEqual(ids);
  for (const param of ['after', 'before']) {
    const id = `${a.slice(0, -3)}xyz`;
    await expect(client.get(path, { query: { [param]: id } })).rejects.toMatchObject({
      status: 400,
      error: {
        message: `Invalid '${param}': no object found with id '${id}'.`,
        type: 'invalid_request_error',
        param,
        code: 'invalid_value',
      },
    });
  }
}

test('lists assistants of a project', async () => {
  const client = await env.otherClient();
  const { assistants } = client.beta;
  expect(await client.get('/assistants')).toEqual({
    object: 'list',
    data: [],
    first_id: null,
    last_id: null,
    has_more: false,
  });
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) ids.unshift((await assistants.create({ model: 'm' })).id);
  await checkList(client, '/assistants', ids, assistants.list({ limit: 2 }));
});

test('lists messages of a thread, twenty at a time unless told otherwise', async () => {
  const { threads } = env.client.beta;
  const { id } = await threads.create();
  const ids: string[] = [];
  const add = async () =>
    ids.unshift((await threads.messages.create(id, { role: 'user', content: 'Hi' })).id);
  for (let n = 0; n < 5; n++) await add();
  const path = `/threads/${id}/messages`;
  await checkList(env.client, path, ids, threads.messages.list(id, { limit: 2 }));
  for (let n = 5; n < 21; n++) await add();
  const page = await threads.messages.list(id);
  expect([page.data.length, page.has_more]).toEqual([20, true]);
  expect((await threads.messages.list(id, { limit: 100 })).data).toHaveLength(21);
});

test('lists runs of a thread', async () => {
  const replies = Array.from({ length: 5 }, () => text('Ok.'));
  const { assistant, threadId } = await setUp(env, replies);
  const { runs } = env.client.beta.threads;
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) {
    ids.unshift((await runs.createAndPoll(threadId, { assistant_id: assistant.id })).id);
  }
  await checkList(env.client, `/threads/${threadId}/runs`, ids, runs.list(threadId, { limit: 2 }));
});

test('lists the steps of a run, and the messages of a run alone', async () => {
  const call = () =>
    toolCalls([{ name: 'get_weather', arguments: {} }], { text: 'Let me look again.' });
  const { assistant, threadId } = await setUp(env, [call(), call(), text('Sunny.')], {
    tools: [WEATHER],
  });
  const { runs, messages } = env.client.beta.threads;
  let run = await runs.createAndPoll(threadId, { assistant_id: assistant.id });
  while (run.status === 'requires_action') {
    run = await runs.submitToolOutputsAndPoll(run.id, {
      thread_id: threadId,
      tool_outputs: outputsFor(run),
    });
  }
  const { steps, log } = await checkRun(env, run);
  const created = log.filter(({ event }) => event === 'thread.run.step.created');
  expect(steps.map(({ id }) => id)).toEqual(created.map(({ data }) => (data as Listed).id));
  const ids = steps.map(({ id }) => id).toReversed();
  const path = `/threads/${threadId}/runs/${run.id}/steps`;
  await checkList(
    env.client,
    path,
    ids,
    runs.steps.list(run.id, { thread_id: threadId, limit: 2 }),
  );
  for (const step of steps) {
    expect(await runs.steps.retrieve(step.id, { run_id: run.id, thread_id: threadId })).toEqual(
      step,
    );
  }

  await messages.create(threadId, { role: 'user', content: 'Thanks' });
  const ofRun = await messages.list(threadId, { run_id: run.id });
  expect(ofRun.data.map(({ run_id }) => run_id)).toEqual([run.id, run.id, run.id]);
  const page = await messages.list(threadId, { run_id: run.id, limit: 2, order: 'asc' });
  expect(page.data.map(({ id }) => id)).toEqual(
    ofRun.data
      .map(({ id }) => id)
      .toReversed()
      .slice(0, 2),
  );
  expect((await messages.list(threadId, { run_id: 'run_nobody' })).data).toEqual([]);
  expect((await messages.list(threadId)).data).toHaveLength(5);
});

test('accepts include in every form that clients send', async () => {
  const { assistant, threadId } = await setUp(env, [text('Ok.')]);
  const { runs } = env.client.beta.threads;
  const include = ['step_details.tool_calls[*].file_search.results[*].content' as const];
  const run = await runs.create(threadId, { assistant_id: assistant.id, include });
  await checkRun(env, run);
  const { data } = await runs.steps.list(run.id, { thread_id: threadId, include });
  expect(data).toHaveLength(1);
  const path = `/v1/threads/${threadId}/runs/${run.id}/steps/${data[0]!.id}`;
  for (const name of ['include[]', 'include%5B%5D', 'include', 'include[0]']) {
    const response = await env.fetch(`${path}?${name}=${include[0]}`);
    expect(response.status).toBe(200);
  }
  const refused = await env.fetch(`${path}?include[]=everything`);
  expect(refused.status).toBe(400);
});

test('changes the metadata of a run, but not while it is in progress', async () => {
  const held = hold(text('Slow.'), { afterChunks: 0 });
  const { assistant, threadId } = await setUp(env, [held.reply]);
  const { runs } = env.client.beta.threads;
  const run = await runs.create(threadId, { assistant_id: assistant.id, metadata: { a: '1' } });
  await held.reached;
  const update = (metadata?: Record<string, string> | null) =>
    runs.update(run.id, { thread_id: threadId, ...(metadata === undefined ? {} : { metadata }) });
  await expect(update({ b: '2' })).rejects.toMatchObject({
    status: 400,
    error: {
      message: "Cannot update run with status 'in_progress'.",
      type: 'invalid_request_error',
      param: null,
      code: null,
    },
  });
  held.release();
  const { run: ended } = await checkRun(env, run);
  expect(await update({ b: '2' })).toEqual({ ...ended, metadata: { b: '2' } });
  expect(await update()).toEqual({ ...ended, metadata: { b: '2' } });
  expect(await update(null)).toEqual({ ...ended, metadata: {} });
});

test('finds a run and a step only where they belong', async () => {
  const { assistant, threadId } = await setUp(env, [text('One.'), text('Two.')]);
  const { runs } = env.client.beta.threads;
  const params = { assistant_id: assistant.id };
  const [first, second] = [
    await runs.createAndPoll(threadId, params),
    await runs.createAndPoll(threadId, params),
  ];
  const [step] = (await runs.steps.list(first.id, { thread_id: threadId })).data;
  const other = (await env.client.beta.threads.create()).id;
  const noRun = { status: 404, error: { message: `No run found with id '${first.id}'.` } };
  await expect(runs.retrieve(first.id, { thread_id: other })).rejects.toMatchObject(noRun);
  await expect(runs.cancel(first.id, { thread_id: other })).rejects.toMatchObject(noRun);
  await expect(runs.steps.list(first.id, { thread_id: other })).rejects.toMatchObject(noRun);
  await expect(
    runs.steps.retrieve(step!.id, { run_id: second.id, thread_id: threadId }),
  ).rejects.toMatchObject({
    status: 404,
    error: { message: `No run step found with id '${step!.id}'.` },
  });
});
