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

async function inputFile(): Promise<string> {
  const line = { custom_id: 'a', method: 'POST', url: ENDPOINT, body: { model: 'none' } };
  const file = await toFile(Buffer.from(JSON.stringify(line)), 'input.jsonl');
  return (await env.client.files.create({ file, purpose: 'batch' })).id;
}

const ENDPOINT = '/v1/responses';
/** Its batches stay under way. */
const PAUSED = { endpoint: ENDPOINT, completion_window: '24h', 'x-threadmill': { paused: true } };

async function create(settings: object = {}, template: object = {}): Promise<Schedule> {
  const input_file_id = await inputFile();
  const body = {
    cron: '0 2 * * *',
    template: { ...PAUSED, input_file_id, ...template },
    ...settings,
  };
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
  });
  expect(made).toMatchObject({
    object: 'threadmill.schedule',
    cron: '30 2 * * MON-FRI',
    time_zone: 'Europe/Rome',
    paused: false,
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

/** The next Unix seconds at which a clock in Rome shows 02:30, for the last time of a day in the week in which it is changed. */
function timesInRome(month: number, count: number): number[] {
  const clock = new Intl.DateTimeFormat('sv-SE', {
    timeZone: 'Europe/Rome',
    dateStyle: 'short',
    timeStyle: 'short',
  });
  const HALF_HOUR = 1_800;
  const times = new Map<string, number>();
  for (let at = Math.ceil(Date.now() / 1_000 / HALF_HOUR) * HALF_HOUR; times.size <= count;) {
    const [date = '', hour] = clock.format(at * 1_000).split(' ');
    const [, ofYear, ofMonth] = date.split('-').map(Number);
    if (hour === '02:30' && ofYear === month && ofMonth! >= 25) times.set(date, at);
    at += HALF_HOUR;
  }
  return [...times.values()].slice(0, count);
}

test.each([
  ['leaves out an hour that the clock skips', 3],
  ['comes once in an hour that the clock repeats, the second time', 10],
])('a schedule %s', async (_what, month) => {
  const { id } = await create({ cron: `30 2 25-31 ${month} *`, time_zone: 'Europe/Rome' });
  const { nextActionTimes } = (await inTemporal(id)).info;
  expect(nextActionTimes.length).toBeGreaterThan(8);
  expect(nextActionTimes.map((time) => time.getTime() / 1_000)).toEqual(
    timesInRome(month, nextActionTimes.length),
  );
});

test('a firing is skipped while the last batch is under way', async () => {
  const { id } = await create();
  await inTemporal(id);
  const first = await fired(id);
  const second = await fired(id, first.last_firing!.at);
  const { last_batch_id } = first;
  expect(second).toMatchObject({ last_firing: { status: 'skipped' }, last_batch_id });
});

test('a pause in the Temporal UI is shown, stays, and ends by the API', async () => {
  const { id } = await create();
  await inTemporal(id);
  await handleOf(id).pause('holidays');
  expect(await shown(id)).toMatchObject({ paused: true, next_firing_at: null });
  const list = await json<{ data: Schedule[] }>(await call('GET', '?limit=100'));
  expect(list.data.find((one) => one.id === id)).toMatchObject({ paused: true });
  await env.pool.query(`update schedules set checked_at = '2020-01-01' where id = $1`, [id]);
  await eventually(async () => {
    const text = 'select paused from schedules where id = $1 and checked_at > $2';
    expect((await env.pool.query(text, [id, '2020-01-01'])).rows).toEqual([{ paused: true }]);
  });
  expect((await inTemporal(id)).state.paused).toBe(true);
  const resumed = await call('POST', `/${id}`, { paused: false });
  expect(await resumed.json()).toMatchObject({ paused: false });
  expect(await shown(id)).toMatchObject({ paused: false });
  await eventually(async () => expect((await inTemporal(id)).state.paused).toBe(false));
});

test('a pause by the API reaches Temporal', async () => {
  const { id } = await create();
  await inTemporal(id);
  await call('POST', `/${id}`, { paused: true });
  await eventually(async () => expect((await inTemporal(id)).state.paused).toBe(true));
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
  expect(last_firing).toMatchObject({
    status: 'failed',
    error: {
      code: 'schedule_refused',
      message: expect.stringContaining('unknown time zone US/PACIFIC'),
    },
  });
  await call('DELETE', `/${id}`);
});

test('a schedule whose key was revoked makes no batch until another key resumes it', async () => {
  const { id } = await create();
  const rows = await env.pool.query<{ key_id: string }>(
    'select key_id from schedules where id = $1',
    [id],
  );
  const other = await createApiKey(env.pool, { projectName: 'test', name: 'other' });
  const revoke = 'update api_keys set revoked_at = $2 where id = $1';
  await env.pool.query(revoke, [rows.rows[0]!.key_id, 1]);
  onTestFinished(async () => void (await env.pool.query(revoke, [rows.rows[0]!.key_id, null])));
  const fire = (firing: string) =>
    withTransaction(env.pool, (tx) => fireSchedule(tx, id, `${id}-${firing}`));
  expect((await fire('monday'))!.firing).toMatchObject({ error: { code: 'key_ended' } });
  await call('POST', `/${id}`, { paused: false }, { authorization: `Bearer ${other}` });
  expect((await fire('tuesday'))!.firing).toMatchObject({ status: 'created', error: null });
});

test('is accepted while Temporal is away, once for an Idempotency-Key, and the worker makes it', async () => {
  const api = (lonely = await env.startApi('127.0.0.1:9'));
  const body = {
    cron: '0 2 * * *',
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
  expect((await inTemporal(first.id)).spec.calendars).toMatchObject([{ hour: [{ start: 2 }] }]);
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
  const { last_batch_id } = await fired(id);
  expect(await (await call('DELETE', `/${id}`)).json()).toEqual({
    id,
    object: 'threadmill.schedule.deleted',
    deleted: true,
  });
  expect(await errorOf(call('GET', `/${id}`))).toMatchObject({ status: 404 });
  await eventually(() => expect(handleOf(id).describe()).rejects.toThrow(/not found/i));
  expect(await env.client.batches.retrieve(last_batch_id!)).toMatchObject({ id: last_batch_id });
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
      ['DELETE', ''],
    ] as const) {
      const body = method === 'POST' ? { paused: true } : undefined;
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

const pairs = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`key${n}`, 'value']));

test.each([
  ['no cron expression', { cron: null }, 'cron'],
  ['an hour that no day has', { cron: '0 24 * * *' }, 'cron'],
  ['a range that goes back', { cron: '0 0 * * FRI-MON' }, 'cron'],
  ['a step of nothing', { cron: '*/0 * * * *' }, 'cron'],
  ['a sixth field', { cron: '0 0 2 * * *' }, 'cron'],
  ['words', { cron: '@daily' }, 'cron'],
  ['a name of another field', { cron: '0 0 * MON *' }, 'cron'],
  ['a sixteenth pair of the metadata', { template: { metadata: pairs(16) } }, 'template.metadata'],
  ['an unknown time zone', { time_zone: 'Europe/Atlantis' }, 'time_zone'],
  ['an offset', { time_zone: '+01:00' }, 'time_zone'],
  ['an abbreviation that Temporal does not know', { time_zone: 'PST' }, 'time_zone'],
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
  for (const cron of ['*/15 0-6,22 1,15 JAN-MAR *', '5 4 * * 7', '0 0 31 12 0-6/2']) {
    const { id } = await create({ cron });
    expect((await inTemporal(id)).spec.calendars).toHaveLength(1);
  }
});
