/** An overloaded model server gets fewer requests from a batch, and no line fails of it. */
import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { inWholeDatabase } from '../../db/core/row-scope.ts';
import { narrowWindow, widenWindow } from '../../db/batches/hold-turns.ts';
import type { Batch } from '../../wire/types.ts';
import { eventually } from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { dynamic, status, text } from '../support/fake-model.ts';
import { FakeUpstream, sendJson } from '../support/fake-upstream.ts';
import { answerOf, questions, resultsOf, submit, untilStatus } from './support.ts';

/** More than the tries of a run that is not of a batch. */
const REFUSALS = 8;

let env: Environment;
let upstream: FakeUpstream;
beforeAll(async () => {
  upstream = await FakeUpstream.start();
  const models = [
    { id: 'passed', base_url: upstream.baseUrl },
    { id: 'slow', requests_per_minute: 60 },
  ];
  env = await Environment.start({ config: { models: models as never } });
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const settingsOf = async (id: string) =>
  ((await env.client.batches.retrieve(id)) as unknown as Batch)['x-threadmill'];

async function submitQuestions(model: string, count: number, settings: object = {}) {
  const { id } = await env.client.beta.assistants.create({ model });
  const texts = Array.from({ length: count }, (_, n) => `Question ${n}`);
  return submit(env.client, questions(id, texts), settings);
}

test.each([429, 503, 529])(
  'a line that is answered %s is asked again for as long as its batch has time, and the window narrows',
  async (code) => {
    const model = `m-${randomUUID()}`;
    const headers = { 'retry-after-ms': '1' };
    const refusals = Array.from({ length: REFUSALS }, () => status(code, { headers }));
    env.model.script(model, ...refusals, text('Yes.'));
    const { id } = await submitQuestions(model, 1, { window: 8 });
    const batch = await untilStatus(env.client, id, 'completed');
    expect(batch.request_counts).toEqual({ total: 1, completed: 1, failed: 0 });
    const output = await resultsOf(env.client, batch.output_file_id);
    expect(output.map(answerOf)).toEqual(['Yes.']);
    expect(env.model.requests(model)).toHaveLength(REFUSALS + 1);
    const { window, current_window: narrowed } = await settingsOf(id);
    expect(window).toBe(8);
    expect(narrowed).toBeLessThanOrEqual(4);
  },
);

test('a fault after an overload is the first try, not the last one', async () => {
  const model = `m-${randomUUID()}`;
  const headers = { 'retry-after-ms': '1' };
  const busy = Array.from({ length: 6 }, () => status(429, { headers }));
  env.model.script(model, ...busy, status(500), text('Yes.'));
  const { id } = await submitQuestions(model, 1);
  const batch = await untilStatus(env.client, id, 'completed');
  expect(batch.request_counts).toEqual({ total: 1, completed: 1, failed: 0 });
});

test('a server that asks for time is left alone by the whole batch, which says so', async () => {
  const model = `m-${randomUUID()}`;
  const busy = status(429, { headers: { 'retry-after': '3600' } });
  env.model.script(model, busy);
  const { id } = await submitQuestions(model, 4, { window: 1 });
  await eventually(async () => expect((await settingsOf(id)).current_window).toBe(1));
  await eventually(() => expect(env.model.requests(model)).toHaveLength(1));
  await eventually(async () => {
    const { rows } = await env.pool.query(
      `select blocked_until > now() + interval '59 minutes' as blocked from model_rates where model = $1`,
      [model],
    );
    expect(rows).toEqual([{ blocked: true }]);
  });
  // Another line of the model does not ask either.
  const other = await submitQuestions(model, 1);
  await eventually(async () => {
    const { rows } = await env.pool.query(
      'select from runs where model = $1 and holds > 0 and batch_id = any($2)',
      [model, [id, other.id]],
    );
    expect(rows).toHaveLength(2);
  });
  expect(env.model.requests(model)).toHaveLength(1);
  await env.client.batches.cancel(id);
  await env.client.batches.cancel(other.id);
  await untilStatus(env.client, id, 'cancelled');
  await untilStatus(env.client, other.id, 'cancelled');
});

test('a run whose model server has no quota left pauses its batch, and goes on when that is resumed', async () => {
  const model = `m-${randomUUID()}`;
  const error = { message: 'You exceeded your current quota.', code: 'insufficient_quota' };
  env.model.script(model, status(429, { body: { error } }), text('Yes.'));
  const { id } = await submitQuestions(model, 1);
  await eventually(async () => {
    const { rows } = await env.pool.query('select held from batch_lines where batch_id = $1', [id]);
    expect(rows).toEqual([{ held: true }]);
  });
  const reason = { paused: true, pause_reason: 'insufficient_quota' };
  expect(await settingsOf(id)).toMatchObject(reason);
  const body = JSON.stringify({ 'x-threadmill': { paused: false } });
  await env.fetch(`/v1/batches/${id}`, { method: 'POST', body });
  const batch = await untilStatus(env.client, id, 'completed');
  expect(batch.request_counts).toEqual({ total: 1, completed: 1, failed: 0 });
});

test('the window is halved once for an overload, and comes back step by step', async () => {
  const { id } = await submitQuestions(`m-${randomUUID()}`, 1, { window: 32, paused: true });
  await untilStatus(env.client, id, 'in_progress');
  const later = (seconds: number) =>
    env.pool.query(
      `update batches set narrowed_at = narrowed_at - $2 * interval '1 second',
         widened_at = widened_at - $2 * interval '1 second' where id = $1`,
      [id, seconds],
    );
  const windowAfter = async (change: () => Promise<unknown>) => {
    await change();
    return (await settingsOf(id)).current_window;
  };
  const narrow = (ms = 0) => inWholeDatabase(() => narrowWindow(env.pool, id as never, ms));
  const widen = () => inWholeDatabase(() => widenWindow(env.pool, id as never));
  expect(await windowAfter(narrow)).toBe(16);
  expect(await windowAfter(narrow)).toBe(16);
  expect(await windowAfter(widen)).toBe(16);
  await later(6);
  expect(await windowAfter(() => narrow(60_000))).toBe(8);
  await later(30);
  expect(await windowAfter(widen)).toBe(8);
  await later(40);
  expect(await windowAfter(widen)).toBe(10);
  expect(await windowAfter(widen)).toBe(10);
  const seen = [];
  for (let step = 0; step < 11; step++) {
    await later(6);
    seen.push(await windowAfter(widen));
  }
  expect(seen).toEqual([12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32]);
  const { rows } = await env.pool.query('select narrowed_to from batches where id = $1', [id]);
  expect(rows).toEqual([{ narrowed_to: null }]);
  await env.client.batches.cancel(id);
});

test('lines without a run narrow the window as well, by a date too', async () => {
  const tries = new Map<unknown, number>();
  const soon = new Date(Date.now() + 3_000).toUTCString();
  upstream.answer = ({ json }, response) => {
    const tried = (tries.get(json['input']) ?? 0) + 1;
    tries.set(json['input'], tried);
    if (tried > 1 || json['input'] !== 'q0') return sendJson(response, { echo: json['input'] });
    return sendJson(response, {}, 429, { 'retry-after': soon });
  };
  const url = '/v1/embeddings';
  const lines = ['q0', 'q1', 'q2'].map((input) => ({
    custom_id: input,
    method: 'POST',
    url,
    body: { model: 'passed', input },
  }));
  const { id } = await submit(env.client, lines, { window: 2 }, url);
  const batch = await untilStatus(env.client, id, 'completed');
  expect(batch.request_counts).toEqual({ total: 3, completed: 3, failed: 0 });
  expect(tries.get('q0')).toBe(2);
  expect(await settingsOf(id)).toMatchObject({ window: 2, current_window: 1 });
});

test('turns beyond the limit of their model wait without failing and without an event', async () => {
  env.model.script('slow', ...Array.from({ length: 8 }, () => dynamic(() => text('Yes.'))));
  const { id } = await submitQuestions('slow', 8, { window: 8 });
  const batch = await untilStatus(env.client, id, 'completed');
  expect(batch.request_counts).toEqual({ total: 8, completed: 8, failed: 0 });
  expect(env.model.requests('slow')).toHaveLength(8);
  const { rows } = await env.pool.query<{ id: string; holds: number }>(
    'select id, holds from runs where batch_id = $1 order by holds',
    [id],
  );
  expect(rows[0]!.holds).toBe(0);
  expect(rows.at(-1)!.holds).toBeGreaterThan(0);
  const lengths = await Promise.all(
    [rows[0]!, rows.at(-1)!].map(async ({ id: run }) => {
      const { events } = await env.temporal.workflow.getHandle(run).fetchHistory();
      return events!.length;
    }),
  );
  expect(lengths[1]).toBe(lengths[0]);
});
