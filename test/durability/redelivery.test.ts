/** An API that Temporal does not answer commits all the same: the worker tells Temporal in its place, and repeats harmlessly. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import type { RunningApi } from '../../api/server.ts';
import type { RunRef } from '../support/durable-run.ts';
import {
  callLookup,
  createRun,
  eventually,
  expectSettled,
  LOOKUP,
  say,
  untilStatus,
} from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { hold } from '../support/fake-model.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

// Longer than any wait below: what does not come is said by the assertion.
vi.setConfig({ testTimeout: 200_000 });

let env: Environment;
let proxy: TcpProxy;
let deaf: RunningApi;
beforeAll(async () => {
  env = await Environment.start();
  proxy = await TcpProxy.to(env.temporalAddress);
  proxy.hold('requests');
  deaf = await env.startApi(`127.0.0.1:${proxy.port}`);
});
afterAll(async () => {
  proxy.resume();
  await deaf.close();
  await proxy[Symbol.asyncDispose]();
  await env[Symbol.asyncDispose]();
});

function cancel({ threadId, runId }: RunRef) {
  const { runs } = env.clientFor(env.apiKey, deaf).beta.threads;
  return runs.cancel(runId, { thread_id: threadId });
}

test('a cancel that its API could not hand on reaches a run that waits for its client', async () => {
  env.model.script('redelivered', callLookup());
  const ref = await createRun(env, 'redelivered', [LOOKUP]);
  await untilStatus(env, ref, 'requires_action');
  await cancel(ref);
  const ended = { status: 'cancelled', workflow: 'CANCELLED', answer: null, turns: 1 } as const;
  await expectSettled(env, ref, ended);
});

test('a cancel stops the model at once, before Temporal knows of it', async () => {
  await env.pool.query(
    `create function keep_back() returns trigger language plpgsql as
       $$ begin new.next_attempt_at = 'infinity'; return new; end $$;
     create trigger keep_back before insert on deliveries
       for each row when (new.kind = 'cancel') execute function keep_back()`,
  );
  const half = hold(say('one two three four'), { afterChunks: 2 });
  env.model.script('stopped', half.reply);
  const ref = await createRun(env, 'stopped');
  await half.reached;
  await cancel(ref);
  await eventually(() =>
    expect(env.model.requests('stopped').map(({ aborted }) => aborted)).toEqual([true]),
  );
  half.release();
  await untilStatus(env, ref, 'cancelled');
  await env.pool.query(
    `drop function keep_back cascade; update deliveries set next_attempt_at = clock_timestamp()`,
  );
  await eventually(async () => {
    const { rows } = await env.pool.query('select kind from deliveries where run_id = $1', [
      ref.runId,
    ]);
    expect(rows).toEqual([]);
  });
});

test('a start that is told again starts nothing again', async () => {
  env.model.script('once', say('Only once.'));
  const ref = await createRun(env, 'once');
  await expectSettled(env, ref, { answer: 'Only once.', turns: 1 });
  const handle = env.temporal.workflow.getHandle(ref.runId);
  const first = await handle.describe();
  await env.pool.query(
    `insert into deliveries (run_id, kind, payload, next_attempt_at)
     select id, 'start', jsonb_build_object('kind', 'start', 'projectId', project_id, 'threadId', thread_id,
       'assistantId', assistant_id, 'model', model, 'expiresAtMs', expires_at * 1000), clock_timestamp()
     from runs where id = $1`,
    [ref.runId],
  );
  await expectSettled(env, ref, { answer: 'Only once.', turns: 1 });
  expect((await handle.describe()).runId).toBe(first.runId);
});
