/** How the deployment does: what administrators see of the runs of all projects and of the queues of their workers. */
import { randomUUID } from 'node:crypto';

import type OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { z } from 'zod';

import { createApiKey } from '../../db/projects/api-keys.ts';
import { SCOPES } from '../../wire/admin/scopes.ts';
import type { serverStatus } from '../../wire/admin/status.ts';
import type { RunExplanation } from '../../wire/explanation.ts';
import { Environment } from '../support/environment.ts';
import { hold, text } from '../support/fake-model.ts';

let env: Environment;
let admin: OpenAI;
beforeAll(async () => {
  const config = { temporalUiUrl: 'http://127.0.0.1:8233/?token=t', temporalNamespace: 'default' };
  env = await Environment.start({ config });
  const grant = { projectName: 'operations', name: 'operator', scopes: SCOPES };
  admin = env.clientFor(await createApiKey(env.pool, grant));
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

const statusNow = (minutes = 10) =>
  admin.get<z.infer<typeof serverStatus>>('/threadmill/status', {
    query: { stuck_minutes: minutes },
  });

/** A run whose model has begun its answer, and goes on when it is released. */
async function startRun(client = env.client) {
  const model = `m-${randomUUID()}`;
  const answer = hold(text('one two'), { afterChunks: 1 });
  env.model.script(model, answer.reply);
  const { id: assistant_id } = await client.beta.assistants.create({ model });
  const run = await client.beta.threads.createAndRun({
    assistant_id,
    thread: { messages: [{ role: 'user', content: 'Hi' }] },
  });
  await answer.reached;
  // The step of the message is stored a little later than its first piece is sent.
  const steps = async () =>
    (await client.beta.threads.runs.steps.list(run.id, { thread_id: run.thread_id })).data.length;
  await expect.poll(steps).toBe(1);
  return { run, release: () => answer.release() };
}

const retrieve = ({ id, thread_id }: { id: string; thread_id: string }, client = env.client) =>
  client.beta.threads.runs.retrieve(id, { thread_id });

test('runs are counted by status, and the recent ones have their times', async () => {
  const { release } = await startRun(await env.otherClient());
  const before = await statusNow();
  expect(before).toMatchObject({
    object: 'threadmill.status',
    active_runs: { queued: 0, in_progress: 1, requires_action: 0, cancelling: 0 },
    oldest_queued_at: null,
    recent_runs: { created: 1, by_status: { in_progress: 1 }, duration_seconds: null },
    stuck_runs: [],
  });
  expect(before.recent_runs.queue_seconds!.p95).toBeGreaterThanOrEqual(0);
  release();
  await expect
    .poll(async () => (await statusNow()).recent_runs.by_status)
    .toEqual({ completed: 1 });
  expect((await statusNow()).recent_runs.duration_seconds).not.toBeNull();
});

test('each task queue has its backlog, and the workers that poll it with their build', async () => {
  const queues = async () => (await statusNow()).task_queues!;
  await expect.poll(async () => (await queues())[0]!.workers.length).toBeGreaterThan(0);
  const found = await queues();
  expect(found.map(({ name, kind }) => [name.replace(env.config.taskQueue, ''), kind])).toEqual([
    ['', 'workflow'],
    ['', 'activity'],
    ['-crowded', 'activity'],
    ['-batch', 'activity'],
    ['-ingest', 'activity'],
    ['-webhooks', 'activity'],
  ]);
  const [worker] = found[0]!.workers;
  expect(worker!.identity).toMatch(new RegExp(`^${process.pid}@.* threadmill \\d`));
  expect(worker!.build).not.toBeNull();
  expect(worker!.last_seen_at).toBeGreaterThan(Date.now() / 1_000 - 300);
});

test('a run without a new step is stuck after its minutes, and an administrator cancels it', async () => {
  const owner = await env.otherClient();
  const { run, release } = await startRun(owner);
  expect((await statusNow(1)).stuck_runs).toEqual([]);
  const back = 'created_at = created_at - 120, started_at = started_at - 120';
  await env.pool.query(`update runs set ${back} where id = $1`, [run.id]);
  await env.pool.query('update run_steps set created_at = created_at - 120 where run_id = $1', [
    run.id,
  ]);
  const { id, thread_id } = run;
  expect((await statusNow(1)).stuck_runs).toMatchObject([{ id, thread_id, status: 'in_progress' }]);
  expect((await statusNow(3)).stuck_runs).toEqual([]);

  const refused = env.client.post(`/threadmill/runs/${id}/cancel`);
  await expect(refused).rejects.toMatchObject({ status: 403 });
  expect(await admin.post(`/threadmill/runs/${id}/cancel`)).toMatchObject({ status: 'cancelling' });
  await expect.poll(async () => (await retrieve(run, owner)).status).toBe('cancelled');
  release();
  const audited = await env.pool.query(
    `select project_id = (select project_id from runs where id = $1) as own from audit_events where resource_id = $1`,
    [id],
  );
  expect(audited.rows).toEqual([{ own: true }]);
});

test('a run that is not there, and one that has ended, are not cancelled', async () => {
  const missing = admin.post('/threadmill/runs/run_missing/cancel');
  await expect(missing).rejects.toMatchObject({ status: 404 });
  const { run, release } = await startRun();
  release();
  await expect.poll(async () => (await retrieve(run)).status).toBe('completed');
  const late = admin.post(`/threadmill/runs/${run.id}/cancel`);
  await expect(late).rejects.toThrow("Cannot cancel run with status 'completed'.");
});

test('the explanation of a run leads administrators to its workflow, and nobody else', async () => {
  const owner = env.clientFor(
    await createApiKey(env.pool, { projectName: 'operations', name: 'owner' }),
  );
  const { run, release } = await startRun(owner);
  release();
  const explain = (client: OpenAI) =>
    client.get<RunExplanation>(`/threads/${run.thread_id}/runs/${run.id}/explain`);
  expect((await explain(admin)).workflow_url).toBe(
    `http://127.0.0.1:8233/namespaces/default/workflows/${run.id}?token=t`,
  );
  expect(await explain(owner)).not.toHaveProperty('workflow_url');
});
