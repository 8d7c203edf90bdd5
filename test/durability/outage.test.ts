/** Outages of the parts that are ours, longer than any number of retries lasts: every run under way goes on. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { migrate } from '../../db/core/migrate.ts';
import { createPool } from '../../db/core/pool.ts';
import type { EmbeddedPostgres } from '../../embedded/postgres/server.ts';
import { startEmbeddedPostgres } from '../../embedded/postgres/server.ts';
import type { RunRef } from '../support/durable-run.ts';
import {
  callLookup,
  createRun,
  expectSettled,
  follow,
  LOOKUP,
  say,
  submitOutputs,
  untilStatus,
  USAGE,
} from '../support/durable-run.ts';
import { hold, status, toolCalls } from '../support/fake-model.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';
import { CODE } from '../support/runs.ts';

/** Longer than five tries of Temporal take. */
const OUTAGE_MS = 12_000;

const code = (text: string) =>
  toolCalls([{ name: 'code_interpreter', arguments: { code: text } }], { usage: USAGE });

describe('an outage of PostgreSQL', () => {
  let dataDir: string;
  let postgres: EmbeddedPostgres;
  let env: ProcessEnvironment;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'threadmill-outage-'));
    postgres = await startEmbeddedPostgres({ dataDir });
    const pool = createPool(postgres.url, { max: 1, applicationName: 'threadmill-test-setup' });
    await migrate(pool);
    await pool.end();
    env = await ProcessEnvironment.start(postgres.url);
    await Promise.all([env.startApi(), env.startWorker({ sandbox: true })]);
  });
  afterAll(async () => {
    await env[Symbol.asyncDispose]();
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  test('costs no run, no answer that was paid for, and no cell', { timeout: 120_000 }, async () => {
    const answer = hold(say('one two three four'), { afterChunks: 2 });
    const later = hold(say('five six'), { afterChunks: 0 });
    env.model.script('answering', answer.reply);
    env.model.script('asking', later.reply, say('seven eight'));
    env.model.script('waiting', callLookup(), say('Found.'));
    env.model.script('computing', code('import time; time.sleep(3); print(6 * 7)'), say('42.'));
    const answering = await createRun(env, 'answering');
    const asking = await createRun(env, 'asking');
    const waiting = await createRun(env, 'waiting', [LOOKUP]);
    const computing = await createRun(env, 'computing', [CODE]);
    const reader = await follow(env, answering);
    await reader.saw('thread.message.delta', 2);
    await Promise.all([later.reached, untilStatus(env, waiting, 'requires_action')]);
    await untilStep(computing);
    await postgres.stop();
    answer.release();
    later.release();
    await delay(OUTAGE_MS);
    postgres = await startEmbeddedPostgres({ dataDir });
    expect(await reader.finished).toBe('done');
    await expectSettled(env, answering, { answer: 'one two three four', turns: 1 });
    // Nothing of this answer was shown yet: it is asked for again.
    await expectSettled(env, asking, { answer: 'seven eight', turns: 1, modelCalls: 2 });
    await submitOutputs(env, waiting);
    await expectSettled(env, waiting, { answer: 'Found.', turns: 2 });
    await expectSettled(env, computing, { answer: '42.', turns: 2 });
  });

  async function untilStep({ runId, threadId: thread_id }: RunRef): Promise<void> {
    for (;;) {
      const { data } = await env.client.beta.threads.runs.steps.list(runId, { thread_id });
      if (data.some(({ type }) => type === 'tool_calls')) return;
    }
  }
});

describe('a model server', () => {
  let env: ProcessEnvironment;
  beforeAll(async () => {
    env = await ProcessEnvironment.start();
    await env.serveApi();
    await env.startWorker();
  });
  afterAll(() => env[Symbol.asyncDispose]());

  test('that restarts is waited for by time, not by number', { timeout: 120_000 }, async () => {
    const away = Array.from({ length: 7 }, () => status(503));
    env.model.script('restarting', ...away, say('Back.'));
    const ref = await createRun(env, 'restarting');
    await expectSettled(env, ref, { answer: 'Back.', turns: 1, modelCalls: 8 });
  });
});
