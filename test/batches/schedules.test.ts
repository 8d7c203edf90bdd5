/** Schedules of batches, on a real Temporal: made, shown, changed, fired and deleted. */
import { randomUUID } from 'node:crypto';

import type { ScheduleDescription, ScheduleHandle } from '@temporalio/client';
import { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import type { RunningApi } from '../../api/server.ts';
import { fireSchedule } from '../../db/batches/fire-schedule.ts';
import { withTransaction } from '../../db/core/pool.ts';
import { createApiKey } from '../../db/projects/api-keys.ts';
import type { Schedule } from '../../wire/batches/schedules.ts';
import { SCOPES } from '../../wire/admin/scopes.ts';
import { eventually } from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { errorOf } from '../support/error-of.ts';

let env: Environment;
/** Without Temporal. It goes on trying for a while, so it closes last. */
let lonely: RunningApi | undefined;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(async () => {
  // Temporal outlives the environment.
  for (const { id } of (await json<{ data: Schedule[] }>(await call('GET', ''))).data) {
    await handleOf(id).delete();
  }
  await lonely?.close();
  await env[Symbol.asyncDispose]();
});

const json = async <T>(response: Response): Promise<T> => (await response.json()) as T;

function call(method: string, path: string, body?: object, headers: Record<string, string> = {}) {
  const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
  return env.fetch(`/v1/threadmill/schedules${path}`, init);
}

const handleOf = (id: string): ScheduleHandle => env.temporal.schedule.getHandle(id);
const inTemporal = (id: string): Promise<ScheduleDescription> =>
  eventually(() => handleOf(id).describe());
const shown = async (id: string) => json<Schedule>(await call('GET', `/${id}`));

async function inputFile(name = `${randomUUID()}.jsonl`): Promise<string> {
  const line = { custom_id: 'a', method: 'POST', url: ENDPOINT, body: { model: 'none' } };
  const file = await toFile(Buffer.from(JSON.stringify(line)), name);
  return (await env.client.files.create({ file, purpose: 'batch' })).id;
}

const ENDPOINT = '/v1/responses';
/** Its batches stay under way. */
const PAUSED = { endpoint: ENDPOINT, completion_window: '24h', 'x-threadmill': { paused: true } };

async function create(settings: object = {}, template: object = {}): Promise<Schedule> {
  const { input_filename } = template as { input_filename?: string };
  const file = input_filename === undefined ? { input_file_id: await inputFile() } : {};
  const body = { cron: '0 2 * * *', template: { ...PAUSED, ...file, ...template }, ...settings };
  const response = await call('POST', '', body);
  expect(response.status).toBe(200);
  return json<Schedule>(response);
}

/** As the button in the Temporal UI, whose firings are one a second. `before`: the time of the one before. */
async function fired(id: string, before?: number): Promise<Schedule> {
  await eventually(() => expect(Date.now() / 1_000).toBeGreaterThan((before ?? 0) + 1));
  await handleOf(id).trigger();
  return eventually(async () => {
    const schedule = await shown(id);
    expect(schedule.last_firing).not.toBeNull();
    if (before !== undefined) expect(schedule.last_firing!.at).toBeGreaterThan(before);
    return schedule;
  });
}

test('is a Schedule of Temporal, with its time zone, and says when it fires next', async () => {
  const made = await create({
    cron: '30 2 * * MON-FRI',
    time_zone: 'Europe/Rome',
    catchup_seconds: 7_200,
    metadata: { course: 'algebra' },
  });
  expect(made).toMatchObject({
    object: 'threadmill.schedule',
    cron: '30 2 * * MON-FRI',
    interval_seconds: null,
    time_zone: 'Europe/Rome',
    overlap: 'skip',
    paused: false,
    metadata: { course: 'algebra' },
    last_batch_id: null,
    last_firing: null,
  });
  const { spec, policies, state } = await inTemporal(made.id);
  expect(spec).toMatchObject({
    timezone: 'Europe/Rome',
    calendars: [{ minute: [{ start: 30 }], hour: [{ start: 2 }] }],
  });
  expect(policies.catchupWindow).toBe(7_200_000);
  expect(state.paused).toBe(false);
  const { next_firing_at } = await eventually(async () => {
    const schedule = await shown(made.id);
    expect(schedule.next_firing_at).not.toBeNull();
    return schedule;
  });
  const words = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Rome', timeStyle: 'short' });
  expect(words.format(next_firing_at! * 1_000)).toBe('02:30');
});

test('a firing makes a batch as a request does, whose metadata names the schedule', async () => {
  const { id } = await create({}, { metadata: { course: 'algebra' } });
  await inTemporal(id);
  const { last_firing, last_batch_id } = await fired(id);
  expect(last_firing).toMatchObject({ status: 'created', batch_id: last_batch_id, error: null });
  const batch = await env.client.batches.retrieve(last_batch_id!);
  expect(batch).toMatchObject({
    endpoint: ENDPOINT,
    metadata: { course: 'algebra', schedule_id: id },
    'x-threadmill': { paused: true },
  });
});

test('a firing that is repeated makes one batch', async () => {
  const { id } = await create();
  const fire = (firing: string) =>
    withTransaction(env.pool, (tx) => fireSchedule(tx, id, `${id}-${firing}`));
  const [first, again] = [await fire('monday'), await fire('monday')];
  expect(again?.firing).toEqual(first?.firing);
  expect([first?.deliveries.length, again?.deliveries.length]).toEqual([1, 0]);
  const count = `select count(*)::integer from batches where metadata->>'schedule_id' = $1`;
  expect((await env.pool.query(count, [id])).rows).toEqual([{ count: 1 }]);
});

describe('while the last batch is under way', () => {
  test.each([
    ['skip', 'skipped', 'in_progress'],
    ['allow_all', 'created', 'in_progress'],
    ['cancel_other', 'created', 'cancelled'],
  ])('%s: the firing is %s, and that batch is %s', async (overlap, status, left) => {
    const { id } = await create({ overlap });
    await inTemporal(id);
    const first = await fired(id);
    const { last_batch_id: last } = first;
    await eventually(async () =>
      expect((await env.client.batches.retrieve(last!)).status).toBe('in_progress'),
    );
    const second = await fired(id, first.last_firing!.at);
    expect(second.last_firing!.status).toBe(status);
    expect(second.last_batch_id === last).toBe(status === 'skipped');
    await eventually(async () =>
      expect((await env.client.batches.retrieve(last!)).status).toBe(left),
    );
  });
});

test('a pause in the Temporal UI is shown, stays when the schedule is changed, and ends by the API', async () => {
  const { id } = await create();
  await inTemporal(id);
  await handleOf(id).pause('holidays');
  expect(await shown(id)).toMatchObject({ paused: true, next_firing_at: null });
  const list = await json<{ data: Schedule[] }>(await call('GET', '?limit=100'));
  expect(list.data.find((one) => one.id === id)).toMatchObject({ paused: true });
  await call('POST', `/${id}`, { interval_seconds: 3_600 });
  await eventually(async () =>
    expect((await inTemporal(id)).spec.intervals).toMatchObject([{ every: 3_600_000 }]),
  );
  expect((await inTemporal(id)).state.paused).toBe(true);
  const { paused, cron, interval_seconds } = await shown(id);
  expect({ paused, cron, interval_seconds }).toEqual({
    paused: true,
    cron: null,
    interval_seconds: 3_600,
  });
  const resumed = await call('POST', `/${id}`, { paused: false });
  expect(await resumed.json()).toMatchObject({ paused: false });
  expect(await shown(id)).toMatchObject({ paused: false });
  await eventually(async () => expect((await inTemporal(id)).state.paused).toBe(false));
});

test('the newest file of a name is the input of the batch', async () => {
  const name = `${randomUUID()}.jsonl`;
  const { id } = await create({}, { input_filename: name });
  const missing = await errorOf(call('POST', `/${id}/trigger`));
  expect(missing).toMatchObject({ status: 400, code: 'file_not_found' });
  await inputFile(name);
  const newest = await inputFile(name);
  const batch = await json<{ id: string; input_file_id: string }>(
    await call('POST', `/${id}/trigger`),
  );
  expect(batch.input_file_id).toBe(newest);
  expect(await shown(id)).toMatchObject({ last_batch_id: batch.id });
});

test('a template that cannot be created any more is shown as the error of the last firing', async () => {
  const { id, template } = await create();
  await inTemporal(id);
  const fileId = template['input_file_id'] as string;
  await env.client.files.delete(fileId);
  const { last_firing } = await fired(id);
  expect(last_firing).toMatchObject({
    status: 'failed',
    batch_id: null,
    error: { message: `No such File object: ${fileId}` },
  });
});

test('a time zone that only Temporal does not know is shown as an error', async () => {
  const { id } = await create({ time_zone: 'US/PACIFIC' });
  const { last_firing } = await eventually(async () => {
    const schedule = await shown(id);
    expect(schedule.last_firing).not.toBeNull();
    return schedule;
  });
  expect(last_firing).toMatchObject({ status: 'failed', error: { code: 'schedule_refused' } });
  await call('POST', `/${id}`, { time_zone: 'US/Pacific' });
  expect((await inTemporal(id)).spec.timezone).toBe('US/Pacific');
});

test('a schedule whose key was revoked makes no batch until another key changes it', async () => {
  const { id } = await create();
  const rows = await env.pool.query<{ key_id: string }>(
    'select key_id from schedules where id = $1',
    [id],
  );
  const other = await createApiKey(env.pool, { projectName: 'test', name: 'other' });
  const revoke = 'update api_keys set revoked_at = $2 where id = $1';
  await env.pool.query(revoke, [rows.rows[0]!.key_id, 1]);
  onTestFinished(async () => void (await env.pool.query(revoke, [rows.rows[0]!.key_id, null])));
  const authorization = `Bearer ${other}`;
  const asOther = (path: string, body?: object) => call('POST', path, body, { authorization });
  expect(await errorOf(asOther(`/${id}/trigger`))).toMatchObject({
    status: 400,
    code: 'key_ended',
  });
  await asOther(`/${id}`, { metadata: {} });
  expect((await asOther(`/${id}/trigger`)).status).toBe(200);
});

test('is accepted while Temporal is away, once for an Idempotency-Key, and the worker makes it', async () => {
  const api = (lonely = await env.startApi('127.0.0.1:9'));
  const body = {
    interval_seconds: 3_600,
    template: { ...PAUSED, input_file_id: await inputFile() },
  };
  const post = () =>
    fetch(`${api.url}/v1/threadmill/schedules`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: {
        authorization: `Bearer ${env.apiKey}`,
        'content-type': 'application/json',
        'idempotency-key': 'nightly',
      },
    });
  const [first, again] = [await json<Schedule>(await post()), await json<Schedule>(await post())];
  expect(again.id).toBe(first.id);
  expect((await inTemporal(first.id)).spec.intervals).toMatchObject([{ every: 3_600_000 }]);
});

test('one that Temporal has lost is made again, paused as it was', async () => {
  const { id } = await create({ paused: true });
  await inTemporal(id);
  await handleOf(id).delete();
  await env.pool.query(`update schedules set checked_at = '2020-01-01' where id = $1`, [id]);
  expect((await inTemporal(id)).state.paused).toBe(true);
});

test('a deleted one is gone from Temporal, and its batches stay', async () => {
  const { id } = await create();
  await inTemporal(id);
  const batch = await json<{ id: string }>(await call('POST', `/${id}/trigger`));
  expect(await (await call('DELETE', `/${id}`)).json()).toEqual({
    id,
    object: 'threadmill.schedule.deleted',
    deleted: true,
  });
  expect(await errorOf(call('GET', `/${id}`))).toMatchObject({ status: 404 });
  await eventually(() => expect(handleOf(id).describe()).rejects.toThrow(/not found/i));
  expect(await env.client.batches.retrieve(batch.id)).toMatchObject({ id: batch.id });
});

describe('the deletion of a project', () => {
  const admin = () =>
    createApiKey(env.pool, { projectName: 'operators', name: 'admin', scopes: SCOPES });

  async function inNewProject() {
    const projectName = randomUUID();
    const key = await createApiKey(env.pool, { projectName, name: 'test' });
    const client = env.clientFor(key);
    const file = await toFile(Buffer.from('{}'), 'a.jsonl');
    const { id: input_file_id } = await client.files.create({ file, purpose: 'batch' });
    const body = { cron: '0 2 * * *', template: { ...PAUSED, input_file_id } };
    const made = await client.post<Schedule>('/threadmill/schedules', { body });
    await inTemporal(made.id);
    const rows = await env.pool.query<{ id: string }>('select id from projects where name = $1', [
      projectName,
    ]);
    return { project: rows.rows[0]!.id, id: made.id };
  }

  test('takes its schedules in Temporal along, and no other project sees them', async () => {
    const { project, id } = await inNewProject();
    for (const [method, path] of [
      ['GET', ''],
      ['POST', ''],
      ['POST', '/trigger'],
      ['DELETE', ''],
    ] as const) {
      const body = method === 'POST' && path === '' ? {} : undefined;
      expect(await errorOf(call(method, `/${id}${path}`, body))).toMatchObject({ status: 404 });
    }
    await env.clientFor(await admin()).delete(`/threadmill/projects/${project}`);
    await eventually(() => expect(handleOf(id).describe()).rejects.toThrow(/not found/i));
  });

  test('that did not reach Temporal is made up for by the next firing', async () => {
    const { id } = await inNewProject();
    await env.pool.query('delete from schedules where id = $1', [id]);
    await handleOf(id).trigger();
    await eventually(() => expect(handleOf(id).describe()).rejects.toThrow(/not found/i));
  });
});

test.each([
  ['neither a cron expression nor an interval', { cron: null }, 'cron'],
  ['both', { interval_seconds: 60 }, 'cron'],
  ['an hour that no day has', { cron: '0 24 * * *' }, 'cron'],
  ['a range that goes back', { cron: '0 0 * * FRI-MON' }, 'cron'],
  ['a step of nothing', { cron: '*/0 * * * *' }, 'cron'],
  ['a sixth field', { cron: '0 0 2 * * *' }, 'cron'],
  ['words', { cron: '@daily' }, 'cron'],
  ['an interval below a minute', { cron: null, interval_seconds: 59 }, 'interval_seconds'],
  ['an unknown time zone', { time_zone: 'Europe/Atlantis' }, 'time_zone'],
  ['an offset', { time_zone: '+01:00' }, 'time_zone'],
  ['an unknown overlap', { overlap: 'buffer' }, 'overlap'],
  ['an input file given twice', { template: { input_filename: 'a' } }, 'template'],
  ['a template without its endpoint', { template: { endpoint: undefined } }, 'template.endpoint'],
  ['an unknown field', { every: 'day' }, null],
])('%s is refused', async (_name, change, param) => {
  const template = {
    ...PAUSED,
    input_file_id: 'file-1',
    ...('template' in change && change.template),
  };
  const body = { cron: '0 2 * * *', ...change, template };
  const error = await errorOf(call('POST', '', body));
  expect(error).toMatchObject({ status: 400, ...(param !== null && { param }) });
});

test('accepts what cron has: lists, ranges, steps and names', async () => {
  for (const cron of ['*/15 0-6,22 1,15 JAN-MAR *', '5 4 * * SUN', '0 0 31 12 0-6/2']) {
    const { id } = await create({ cron });
    expect((await inTemporal(id)).spec.calendars).toHaveLength(1);
  }
});
