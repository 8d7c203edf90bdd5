/** A Postgres that restarts, and connections to it that break in the middle of a transaction. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { migrate } from '../../db/core/migrate.ts';
import { createPool } from '../../db/core/pool.ts';
import type { EmbeddedPostgres } from '../../embedded/postgres/server.ts';
import { startEmbeddedPostgres } from '../../embedded/postgres/server.ts';
import type { RunRef } from '../support/durable-run.ts';
import {
  createRun,
  eventually,
  expectSettled,
  follow,
  say,
  untilStored,
} from '../support/durable-run.ts';
import { hold } from '../support/fake-model.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';
import type { OwnProcess } from '../support/processes.ts';

describe('a connection that breaks', () => {
  let env: ProcessEnvironment;
  let api: OwnProcess;
  let worker: OwnProcess;
  beforeAll(async () => {
    env = await ProcessEnvironment.start();
    [api, worker] = await Promise.all([env.startApi(), env.startWorker()]);
  });
  afterAll(() => env[Symbol.asyncDispose]());

  test('before a commit: the API answers 503, stays up, and has stored nothing', async () => {
    const proxy = env.proxies.apiToDatabase;
    const inTransaction = proxy.holdRepliesAfter('threads.create');
    const answer = env.fetch('/v1/threads', { method: 'POST', body: '{}' });
    await inTransaction;
    proxy.cut();
    proxy.resume();
    expect((await answer).status).toBe(503);
    expect((await env.fetch('/v1/threads', { method: 'POST', body: '{}' })).status).toBe(200);
    const { rows } = await env.pool.query('select count(*)::integer as count from threads');
    expect(rows).toEqual([{ count: 1 }]);
    expect(api.running).toBe(true);
  });

  test('before the commit of an answer: it is stored all the same, and the model is not asked again', async () => {
    const proxy = env.proxies.workerToDatabase;
    const first = hold(say('one two three four'), { afterChunks: 2 });
    env.model.script('before-commit', first.reply);
    const ref = await createRun(env, 'before-commit');
    await first.reached;
    const inTransaction = proxy.holdRepliesAfter('turns.move-run');
    first.release();
    await inTransaction;
    proxy.cut();
    proxy.resume();
    await expectSettled(env, ref, { answer: 'one two three four', turns: 1 });
    expect(worker.running).toBe(true);
  });

  test('after the commit of an answer: it is kept, and the model is not asked again', async () => {
    const proxy = env.proxies.workerToDatabase;
    const first = hold(say('The only answer.'), { afterChunks: 2 });
    env.model.script('after-commit', first.reply);
    const ref = await createRun(env, 'after-commit');
    const reader = await follow(env, ref);
    await reader.saw('thread.message.delta', 1);
    const moved = proxy.holdRepliesAfter('turns.move-run');
    first.release();
    await moved;
    const committed = proxy.holdRepliesAfter('commit\0');
    proxy.resume();
    await committed;
    await untilStored(env, ref, 'completed');
    proxy.cut();
    proxy.resume();
    await expectSettled(env, ref, { answer: 'The only answer.', turns: 1 });
    expect(worker.running).toBe(true);
  });

  test('while a client reads a stream: it goes on where it was', async () => {
    const answer = hold(say('one two three four'), { afterChunks: 2 });
    env.model.script('reading', answer.reply);
    const ref = await createRun(env, 'reading');
    const reader = await follow(env, ref);
    await reader.saw('thread.message.delta', 2);
    env.proxies.apiToDatabase.cut();
    answer.release();
    expect(await reader.finished).toBe('done');
    const events = await expectSettled(env, ref, { answer: 'one two three four', turns: 1 });
    expect(reader.events).toEqual(events);
    expect(api.running).toBe(true);
  });

  test("as the worker's machine vanishes in a transaction: the run is not locked for ever", async () => {
    const proxy = env.proxies.workerToDatabase;
    const first = hold(say('one two three four'), { afterChunks: 2 });
    env.model.script('vanished', first.reply, say('A second answer.'));
    const ref = await createRun(env, 'vanished');
    await first.reached;
    const inTransaction = proxy.holdRepliesAfter('turns.move-run');
    first.release();
    await inTransaction;
    // Nothing tells Postgres that its client is gone.
    proxy.hold('requests', 'replies');
    await worker.kill();
    worker = await env.startWorker({ direct: true });
    await expectSettled(env, ref, {
      answer: 'A second answer.',
      cutOff: ['one two three four'],
      turns: 1,
      modelCalls: 2,
    });
  });
});

describe('a Postgres that restarts', () => {
  let dataDir: string;
  let postgres: EmbeddedPostgres;
  let env: ProcessEnvironment;
  let api: OwnProcess;
  let ref: RunRef;
  const statuses = new Set<number>();
  let refused = 0;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'threadmill-restart-'));
    postgres = await startEmbeddedPostgres({ dataDir, settings: { fsync: 'off' } });
    const pool = createPool(postgres.url, { max: 1, applicationName: 'threadmill-test-setup' });
    await migrate(pool);
    await pool.end();
    env = await ProcessEnvironment.start(postgres.url);
    [api] = await Promise.all([env.startApi(), env.startWorker()]);
  });
  afterAll(async () => {
    await env[Symbol.asyncDispose]();
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  test('lets a run complete, and requests fail with nothing but 503 meanwhile', async () => {
    const first = hold(say('one two three four'), { afterChunks: 2 });
    env.model.script('restart', first.reply);
    ref = await createRun(env, 'restart');
    const reader = await follow(env, ref);
    await reader.saw('thread.message.delta', 2);
    const asking = new AbortController();
    const asked = Promise.all(Array.from({ length: 4 }, () => keepAsking(env, asking.signal)));
    await postgres.stop();
    first.release();
    await eventually(() => expect(refused).toBeGreaterThan(50));
    postgres = await startEmbeddedPostgres({ dataDir, settings: { fsync: 'off' } });
    expect(await reader.finished).toBe('done');
    asking.abort();
    await asked;
    expect(statuses).toEqual(new Set([200, 503]));
    const answer = 'one two three four';
    const events = await expectSettled(env, ref, { answer, turns: 1 });
    expect(reader.events).toEqual(events);
  });

  test('is one line of the log a second, which counts the requests', async () => {
    const counted = () =>
      api.lines
        .filter(({ msg }) => msg === 'Requests were answered 503')
        .reduce((sum, { count }) => sum + (count as number), 0);
    await eventually(() => expect(counted()).toBe(refused));
    expect(api.lines.filter(({ level, err }) => level >= 50 && err !== undefined)).toEqual([]);
    expect(api.lines.filter(({ level }) => level >= 50).length).toBeLessThan(refused / 10);
  });

  async function keepAsking(system: ProcessEnvironment, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const [created, read] = await Promise.all([
        system.fetch('/v1/threads', { method: 'POST', body: '{}' }),
        system.fetch(`/v1/threads/${ref.threadId}/runs/${ref.runId}`),
      ]);
      for (const { status } of [created, read]) {
        statuses.add(status);
        if (status === 503) refused += 1;
      }
    }
  }
});
