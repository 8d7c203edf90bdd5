/** SIGKILL of a worker while a line without a run ends: the next one asks again, and counts what the line used once. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { submit, untilStatus } from '../batches/support.ts';
import { FakeUpstream, sendJson } from '../support/fake-upstream.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';
import type { OwnProcess } from '../support/processes.ts';

let env: ProcessEnvironment;
let upstream: FakeUpstream;
let worker: OwnProcess;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'threadmill-passed-'));
  upstream = await FakeUpstream.start();
  const models = [{ id: 'tutor', base_url: upstream.baseUrl }];
  await writeFile(join(folder, 'models.json'), JSON.stringify({ models }));
  env = await ProcessEnvironment.start();
  await env.serveApi();
  worker = await startWorker();
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const startWorker = () =>
  env.startWorker({ settings: { MODELS_FILE: join(folder, 'models.json') } });

const PATIENCE = { timeout: 180_000 };
const URL_OF_LINES = '/v1/embeddings';
const USAGE = { prompt_tokens: 5, total_tokens: 5 };

async function requestsCounted(): Promise<number> {
  const text = 'select coalesce(sum(requests), 0)::integer as counted from model_usage';
  return (await env.pool.query<{ counted: number }>(text)).rows[0]!.counted;
}

test.each([
  ['its answer is stored', 'passed-lines.end'],
  ['what it used is counted', 'model-usage.add'],
])('a line counts once when the worker is killed while %s', PATIENCE, async (_, statement) => {
  upstream.answer = (_received, response) => sendJson(response, { data: [], usage: USAGE });
  const before = await requestsCounted();
  const reached = env.proxies.workerToDatabase.holdRepliesAfter(statement);
  const lines = ['a', 'b', 'c'].map((custom_id) => {
    const body = { model: 'tutor', input: custom_id };
    return { custom_id, method: 'POST', url: URL_OF_LINES, body };
  });
  const { id } = await submit(env.client, lines, { window: 1 }, URL_OF_LINES);
  await reached;
  await worker.kill();
  env.proxies.workerToDatabase.resume();
  worker = await startWorker();
  const batch = await untilStatus(env.client, id, 'completed');
  expect(batch.request_counts).toEqual({ total: 3, completed: 3, failed: 0 });
  expect(batch.usage!.total_tokens).toBe(15);
  expect((await requestsCounted()) - before).toBe(3);
});
