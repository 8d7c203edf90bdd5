/** Data directories that released versions wrote: this version starts on each, as `npm start` does, and goes on with everything. */
import { rm } from 'node:fs/promises';

import type OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { planMessage } from '../chaos/model/plan.ts';
import type { ModelServer } from '../chaos/model/server.ts';
import { startModel } from '../chaos/model/server.ts';
import { cell, eventsUntilItWaits, turn } from './fill.ts';
import type { Recorded } from './release.ts';
import { readRecorded, releases } from './release.ts';
import type { Stack } from './stack.ts';
import { ROOT, startStack } from './stack.ts';
import { unpackRelease } from './unpack.ts';

/** The answer of the run under way is written again, which takes 40 seconds. */
const SLOW_MS = 150_000;

test('there is a data directory of every released version', () => {
  expect(releases()).toEqual(['0.1.0']);
});

describe.each(releases())('a data directory of %s', (version) => {
  let recorded: Recorded;
  let dataDir: string;
  let model: ModelServer;
  let stack: Stack;
  let client: OpenAI;

  beforeAll(async () => {
    recorded = await readRecorded(version);
    dataDir = await unpackRelease(recorded);
    model = await startModel();
    const modelBaseUrl = `http://127.0.0.1:${model.port}/v1`;
    stack = await startStack({ checkout: ROOT, dataDir, modelBaseUrl });
    client = stack.client;
  });

  afterAll(async () => {
    await stack.stop();
    await model.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  test('every object and list reads back as it was', async () => {
    const answers = Object.entries(recorded.answers);
    expect(answers.length).toBeGreaterThan(20);
    // A later version may add fields.
    for (const [path, answer] of answers) {
      expect({ [path]: await client.get(path) }).toMatchObject({ [path]: answer });
    }
  });

  test('each API key opens its project', async () => {
    const theirs = await stack.clientWith(recorded.other.key).beta.assistants.list();
    expect(theirs.data.map(({ id }) => id)).toEqual([recorded.other.assistant]);
    expect(Object.keys(recorded.answers)).not.toContain(`/assistants/${recorded.other.assistant}`);
  });

  test('a request with a key that was used has its first answer and no second effect', async () => {
    const lists = ['/assistants', `/threads/${recorded.completed.thread}/messages`];
    const before = await Promise.all(lists.map((path) => client.get(path)));
    for (const { key, path, body, answer } of recorded.keyed) {
      const headers = { 'idempotency-key': key };
      expect(await client.post(path, { body, headers })).toEqual(answer);
      const other = { ...body, metadata: { other: 'request' } };
      await expect(client.post(path, { body: other, headers })).rejects.toMatchObject({
        status: 400,
      });
    }
    expect(await Promise.all(lists.map((path) => client.get(path)))).toEqual(before);
  });

  test('a key that was used for one thread is refused for another', async () => {
    const { key, path, body } = recorded.keyed.find((one) => one.path.endsWith('/messages'))!;
    const other = path.replace(recorded.completed.thread, recorded.code.thread);
    const headers = { 'idempotency-key': key };
    await expect(client.post(other, { body, headers })).rejects.toMatchObject({ status: 400 });
  });

  test('the events of a waiting run are told again as they were', async () => {
    expect(await eventsUntilItWaits(client, recorded.parked)).toBe(recorded.parked.events);
  });

  test('a waiting run takes its outputs and completes', async () => {
    const { thread, run, calls } = recorded.parked;
    const ended = await client.beta.threads.runs.submitToolOutputsAndPoll(run, {
      thread_id: thread,
      tool_outputs: calls.map((id, at) => ({ tool_call_id: id, output: `output ${at}` })),
    });
    expect(ended.status).toBe('completed');
    expect(await answerOf(client, thread)).toMatch(/\(output 0\) \(output 1\)\.$/);
  });

  test('a run whose deadline came while nothing ran is expired', async () => {
    const { thread, run } = recorded.overdue;
    await expect
      .poll(() => client.beta.threads.runs.retrieve(run, { thread_id: thread }))
      .toMatchObject({ status: 'expired', required_action: null });
    await expect(
      client.beta.threads.messages.create(thread, { role: 'user', content: 'Go on.' }),
    ).resolves.toMatchObject({ thread_id: thread });
  });

  test('variables and files of Python are still there', async () => {
    const code =
      'print(ships["Aurora"] + sum(ships["Borealis"]), open("/mnt/data/log.txt").read())';
    const { thread, assistant } = recorded.code;
    await ask(
      client,
      thread,
      assistant,
      planMessage({ run: 'again', turns: [cell(code), turn(3)] }),
    );
    expect(await answerOf(client, thread)).toContain('47 The Aurora came in at noon.');
  });

  test('a search finds what was indexed', async () => {
    const { store, file } = recorded.search;
    const { data } = await client.vectorStores.search(store, {
      query: 'When did the Aurora come?',
    });
    expect(data.map(({ file_id: id }) => id)).toEqual([file]);
    const call = { name: 'file_search', arguments: { queries: ['Borealis'] } };
    const plan = planMessage({ run: 'search', turns: [turn(0, [call]), turn(3)] });
    await ask(client, recorded.completed.thread, recorded.code.assistant, plan);
    expect(await answerOf(client, recorded.completed.thread)).toContain(
      'waits outside the harbour',
    );
  });

  test('a pending upload is completed from the parts it had', async () => {
    const { id, parts, content } = recorded.upload;
    const upload = await client.uploads.complete(id, { part_ids: parts });
    const file = await client.files.content(upload.file!.id);
    expect(await file.text()).toBe(content);
  });

  test('a run under way goes on', { timeout: SLOW_MS }, async () => {
    const { thread, run } = recorded.under_way;
    await expect
      .poll(() => client.beta.threads.runs.retrieve(run, { thread_id: thread }), {
        timeout: SLOW_MS,
      })
      .toMatchObject({ status: 'completed', last_error: null });
    const whole = model.ledger.filter(
      (call) => call.run === 'under way' && call.outcome === 'answered',
    );
    expect(await answerOf(client, thread)).toBe(whole.at(-1)?.text);
  });
});

async function ask(client: OpenAI, thread: string, assistant: string, content: string) {
  await client.beta.threads.messages.create(thread, { role: 'user', content });
  const run = await client.beta.threads.runs.createAndPoll(thread, { assistant_id: assistant });
  expect(run).toMatchObject({ status: 'completed', last_error: null });
}

/** The newest message. */
async function answerOf(client: OpenAI, thread: string): Promise<string> {
  const { data } = await client.beta.threads.messages.list(thread, { limit: 1 });
  const [part] = data[0]?.content ?? [];
  return part?.type === 'text' ? part.text.value : '';
}
