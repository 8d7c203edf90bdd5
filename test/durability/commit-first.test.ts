/** Temporal hears of a request after its commit, never before, and what it could not take is not forgotten. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RunId } from '../../wire/ids.ts';
import { callTools } from '../support/turns.ts';
import type { RunRef } from '../support/durable-run.ts';
import {
  createRun,
  eventually,
  expectSettled,
  LOOKUP,
  say,
  untilStatus,
} from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { createFile } from '../support/files.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ worker: false });
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

type Request = [path: string, init: RequestInit];

/** Every write that Temporal is told of, ready to be sent. */
async function writes(): Promise<Request[]> {
  const { id: assistant_id } = await env.client.beta.assistants.create({ model: 'unheard' });
  const thread = await env.client.beta.threads.create();
  const [queued, waiting, deleted] = [
    await createRun(env, 'unheard'),
    await createRun(env, 'unheard', [LOOKUP]),
    await createRun(env, 'unheard'),
  ];
  const ref = { runId: waiting.runId as RunId, turn: 0, owner: 'model' };
  const { calls } = await callTools(env.pool, ref);
  const tool_outputs = calls.map((id) => ({ tool_call_id: id, output: '42' }));
  const post = (path: string, body: object): Request => [
    path,
    { method: 'POST', body: JSON.stringify(body) },
  ];
  const runPath = ({ threadId, runId }: RunRef) => `/v1/threads/${threadId}/runs/${runId}`;
  return [
    post(`/v1/threads/${thread.id}/runs`, { assistant_id, instructions: 'Go on.' }),
    post('/v1/threads/runs', { assistant_id, instructions: 'Go on.' }),
    post(`${runPath(queued)}/cancel`, {}),
    post(`${runPath(waiting)}/submit_tool_outputs`, { tool_outputs }),
    post('/v1/vector_stores', { file_ids: [await createFile(env.client)] }),
    [`/v1/threads/${deleted.threadId}`, { method: 'DELETE' }],
  ];
}

test('Temporal is told nothing of what could not be committed', async () => {
  await using proxy = await TcpProxy.to(env.temporalAddress);
  const requests = await writes();
  const api = await env.startApi(`127.0.0.1:${proxy.port}`);
  await env.pool.query(
    `create function refuse() returns trigger language plpgsql as
       $$ begin raise 'refused' using errcode = '57P03'; end $$;
     create constraint trigger refuse after insert on deliveries deferrable initially deferred
       for each row execute function refuse()`,
  );
  const authorization = `Bearer ${env.apiKey}`;
  const headers = { authorization, 'content-type': 'application/json' };
  for (const [path, init] of requests) {
    expect((await fetch(`${api.url}${path}`, { ...init, headers })).status, path).toBe(503);
  }
  // Closing waits for what was handed on.
  await api.close();
  expect(proxy.connections).toBe(0);
  await env.pool.query('drop function refuse cascade');
});

test('a cancel or a signal that comes before its start is kept, and takes effect after it', async () => {
  await using proxy = await TcpProxy.to(env.temporalAddress);
  proxy.hold('requests');
  // What this API commits Temporal does not hear of; the next one cannot know that.
  const deaf = await env.startApi(`127.0.0.1:${proxy.port}`);
  const told = await env.startApi();
  const through = (api: typeof deaf) => ({
    client: env.clientFor(env.apiKey, api),
    model: env.model,
    pool: env.pool,
    temporal: env.temporal,
    fetch: env.fetch.bind(env),
  });
  env.model.script('kept-signal', say('Found it.'));
  const cancelled = await createRun(through(deaf), 'kept-cancel');
  const answered = await createRun(through(deaf), 'kept-signal', [LOOKUP]);
  const ref = { runId: answered.runId as RunId, turn: 0, owner: 'model' };
  const { calls } = await callTools(env.pool, ref);
  const { runs } = through(told).client.beta.threads;
  await runs.cancel(cancelled.runId, { thread_id: cancelled.threadId });
  await runs.submitToolOutputs(answered.runId, {
    thread_id: answered.threadId,
    tool_outputs: calls.map((id) => ({ tool_call_id: id, output: '42' })),
  });
  await told.close();
  expect(await left(cancelled)).toEqual(['start', 'cancel']);
  expect(await left(answered)).toEqual(['start', 'signal']);
  // The runs of the test before go on too.
  env.model.script('unheard', ...Array.from({ length: 9 }, () => say('Unread.')));
  await env.startWorker();
  await expectSettled(env, answered, { answer: 'Found it.', turns: 2, modelCalls: 1 });
  // Its workflow ends by itself or is cancelled, whichever the worker hears of first.
  const taken = () => eventually(async () => expect(await left(cancelled)).toEqual([]));
  await taken();
  const { started_at } = await untilStatus(env, cancelled, 'cancelled');
  // Its start arrives after all, and changes nothing.
  proxy.resume();
  await deaf.close();
  await taken();
  expect(await untilStatus(env, cancelled, 'cancelled')).toMatchObject({ started_at });
  expect(env.model.requests('kept-cancel')).toEqual([]);
});

/** What Temporal has not accepted of the run, in order. */
async function left({ runId }: RunRef): Promise<string[]> {
  const { rows } = await env.pool.query<{ kind: string }>(
    'select kind from deliveries where run_id = $1 order by id',
    [runId],
  );
  return rows.map(({ kind }) => kind);
}
