/** A batch that resumes from an earlier one runs only the lines that have no result there. */
import { randomUUID } from 'node:crypto';

import type { Batch } from 'openai/resources/batches';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { dynamic, status, text } from '../support/fake-model.ts';
import type { ModelRequest } from '../support/fake-model.ts';
import { FakeUpstream, sendJson } from '../support/fake-upstream.ts';
import type { InputLine } from './support.ts';
import { answerOf, questions, resultsOf, submit, untilStatus } from './support.ts';

let env: Environment;
let upstream: FakeUpstream;
beforeAll(async () => {
  upstream = await FakeUpstream.start();
  const models = [{ id: 'tutor', base_url: upstream.baseUrl }];
  env = await Environment.start({ config: { models: models as never } });
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const lastText = ({ messages }: ModelRequest) => JSON.stringify(messages.at(-1)!.content);

const marked = (given: string) => `Marked "${given}"`;

/** An assistant whose model refuses a text that begins with `bad`. Its model is called this many times. */
async function marker(calls: number): Promise<{ assistant: string; model: string }> {
  const model = `m-${randomUUID()}`;
  const reply = dynamic((request) =>
    lastText(request).includes('bad') ? status(400) : text(`Marked ${lastText(request)}`),
  );
  env.model.script(model, ...Array<typeof reply>(calls).fill(reply));
  return { assistant: (await env.client.beta.assistants.create({ model })).id, model };
}

const ended = async (lines: InputLine[], settings: object = {}, endpoint?: string) => {
  const { id } = await submit(env.client, lines, settings, endpoint);
  return untilStatus(env.client, id, 'completed');
};
const settingsOf = (batch: Batch) => (batch as Batch & { 'x-threadmill': object })['x-threadmill'];
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error,
  );
const contentOf = async (id: string) => (await env.client.files.content(id)).text();

test('results of the same lines are taken over in the order of the new file, also through a chain', async () => {
  // Two good lines, then the mended one, then a new one: nothing is asked twice.
  const { assistant, model } = await marker(5);
  const [one, bad, three] = questions(assistant, ['one', 'bad two', 'three']);
  const first = await ended([one!, bad!, three!]);
  expect(first.request_counts).toEqual({ total: 3, completed: 2, failed: 1 });
  expect(settingsOf(first)).toMatchObject({ resume_from: null, resumed: 0 });

  const mended = { ...bad!, body: questions(assistant, ['two'])[0]!.body };
  const second = await ended([three!, mended, one!], { resume_from: first.id });
  expect(second.request_counts).toEqual({ total: 3, completed: 3, failed: 0 });
  expect(settingsOf(second)).toMatchObject({ resume_from: first.id, resumed: 2 });
  const results = await resultsOf(env.client, second.output_file_id);
  expect(results.map(({ custom_id }) => custom_id)).toEqual(['q2', 'q1', 'q0']);
  expect(results.map(answerOf)).toEqual(['three', 'two', 'one'].map(marked));
  // One line was paid for now.
  const usages = [first, second].map(({ usage }) => usage!.total_tokens);
  expect(usages[1]! * 2).toBe(usages[0]!);

  const four = { ...questions(assistant, ['four'])[0]!, custom_id: 'q3' };
  const third = await ended([one!, mended, three!, four], { resume_from: second.id });
  expect(settingsOf(third)).toMatchObject({ resumed: 3 });
  const lines = (await contentOf(third.output_file_id!)).split('\n');
  const former = (await contentOf(second.output_file_id!)).split('\n');
  expect(lines.slice(0, 3)).toEqual([former[2], former[1], former[0]]);
  expect(env.model.requests(model)).toHaveLength(5);
});

test('a line runs again if its content is another, and not if only the order of its fields is', async () => {
  const { assistant } = await marker(3);
  const [one, two] = questions(assistant, ['one', 'two']);
  const first = await ended([one!, two!]);
  const { body, url, method, custom_id } = one!;
  const turned = Object.fromEntries(Object.entries(body).toReversed());
  const other = { ...two!, body: { ...two!.body, metadata: { try: '2' } } };
  const second = await ended([{ body: turned, url, method, custom_id }, other], {
    resume_from: first.id,
  });
  expect(settingsOf(second)).toMatchObject({ resumed: 1 });
  expect(second.request_counts).toEqual({ total: 2, completed: 2, failed: 0 });
});

test('a batch whose lines all have results ends without running one', async () => {
  const { assistant } = await marker(2);
  const lines = questions(assistant, ['one', 'two']);
  const first = await ended(lines);
  const second = await ended(lines, { resume_from: first.id });
  expect(settingsOf(second)).toMatchObject({ resumed: 2 });
  expect(second.usage).toMatchObject({ total_tokens: 0 });
  expect(await contentOf(second.output_file_id!)).toBe(await contentOf(first.output_file_id!));
});

test('answers of model servers are taken over, under the same endpoint only', async () => {
  let asked = 0;
  upstream.answer = (_received, response) => sendJson(response, { id: `c${(asked += 1)}` });
  const url = '/v1/chat/completions';
  const body = { model: 'tutor', messages: [{ role: 'user', content: 'Hi' }] };
  const line = { custom_id: 'a', method: 'POST', url, body };
  const first = await ended([line], {}, url);
  const second = await ended([line, { ...line, custom_id: 'b' }], { resume_from: first.id }, url);
  expect(settingsOf(second)).toMatchObject({ resumed: 1 });
  const results = await resultsOf(env.client, second.output_file_id);
  expect(results).toMatchObject([
    { custom_id: 'a', response: { body: { id: 'c1' } } },
    { custom_id: 'b', response: { body: { id: 'c2' } } },
  ]);
});

test('the output file may be deleted once the batch is created, and its content goes with the end', async () => {
  const { assistant } = await marker(2);
  const lines = questions(assistant, ['one', 'two']);
  const first = await ended(lines.slice(0, 1));
  const { id } = await submit(env.client, lines, { resume_from: first.id, paused: true });
  await untilStatus(env.client, id, 'in_progress');
  await env.client.files.delete(first.output_file_id!);
  const kept =
    'select count(*)::integer as blobs from blobs b join batches r on r.resumed_blob_id = b.id where r.id = $1';
  expect((await env.pool.query(kept, [id])).rows).toEqual([{ blobs: 1 }]);
  await env.client.post(`/batches/${id}`, { body: { 'x-threadmill': { paused: false } } });
  const second = await untilStatus(env.client, id, 'completed');
  expect((await resultsOf(env.client, second.output_file_id)).map(answerOf)).toEqual(
    ['one', 'two'].map(marked),
  );
  expect((await env.pool.query(kept, [id])).rows).toEqual([{ blobs: 0 }]);
});

describe('a create is refused', () => {
  test('if the earlier batch is unknown, or of another project', async () => {
    const other = await submit(await env.otherClient(), ['{}'], { paused: true });
    for (const resume_from of ['batch_none', other.id]) {
      const error = await refusal(submit(env.client, ['{}'], { resume_from }));
      expect(error).toMatchObject({
        status: 404,
        message: expect.stringContaining(`No batch found with id '${resume_from}'`) as string,
      });
    }
  });

  test('if the earlier batch has not ended', async () => {
    const { assistant } = await marker(0);
    const lines = questions(assistant, ['one']);
    const { id } = await submit(env.client, lines, { paused: true });
    await untilStatus(env.client, id, 'in_progress');
    const error = await refusal(submit(env.client, lines, { resume_from: id }));
    expect(error).toMatchObject({ status: 400, param: 'x-threadmill.resume_from' });
    expect(error).toMatchObject({
      message: expect.stringContaining(`its status is 'in_progress'`) as string,
    });
  });

  test('if the output file of the earlier batch was deleted', async () => {
    const { assistant } = await marker(1);
    const lines = questions(assistant, ['one']);
    const { id, output_file_id } = await ended(lines);
    await env.client.files.delete(output_file_id!);
    const error = await refusal(submit(env.client, lines, { resume_from: id }));
    expect(error).toMatchObject({ status: 400, param: 'x-threadmill.resume_from' });
    expect(error).toMatchObject({
      message: expect.stringContaining(`its output file ${output_file_id} was deleted`) as string,
    });
  });
});

test('a batch whose file was refused hands on the batch that it resumes from', async () => {
  const { assistant } = await marker(1);
  const lines = questions(assistant, ['one']);
  const first = await ended(lines);
  const { id } = await submit(env.client, ['no line'], { resume_from: first.id });
  await untilStatus(env.client, id, 'failed');
  const third = await ended(lines, { resume_from: id });
  expect(settingsOf(third)).toMatchObject({ resume_from: first.id, resumed: 1 });
});
