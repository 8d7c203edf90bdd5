/**
 * SIGKILL of a worker at every step of a batch at a model server. The next one goes on: no turn is sent twice, no answer is
 * lost, and no turn is asked directly.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { answerOf, questions, resultsOf, submit, untilStatus } from '../batches/support.ts';
import { FakeBatchApi } from '../support/fake-batch-api.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';
import type { OwnProcess } from '../support/processes.ts';

const PATIENCE = { timeout: 180_000 };

let env: ProcessEnvironment;
let server: FakeBatchApi;
let worker: OwnProcess;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'threadmill-upstream-'));
  server = await FakeBatchApi.start();
  const models = [{ id: 'tutor', base_url: server.upstream.baseUrl, batch: true }];
  await writeFile(join(folder, 'models.json'), JSON.stringify({ models }));
  env = await ProcessEnvironment.start();
  await env.serveApi();
  worker = await startWorker();
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  server.batches.length = 0;
});

function startWorker(): Promise<OwnProcess> {
  return env.startWorker({
    settings: {
      MODELS_FILE: join(folder, 'models.json'),
      MODEL_BATCH_GROUP_MS: '300',
      MODEL_BATCH_POLL_MS: '50',
    },
  });
}

const TEXTS = ['one', 'two', 'three'];

async function submitAll(): Promise<string> {
  const { id } = await env.client.beta.assistants.create({ model: 'tutor' });
  return (await submit(env.client, questions(id, TEXTS))).id;
}

/** After the worker was killed. */
async function expectAllAnswered(batchId: string): Promise<void> {
  await worker.kill();
  env.proxies.workerToDatabase.resume();
  worker = await startWorker();
  const batch = await untilStatus(env.client, batchId, 'completed');
  const output = await resultsOf(env.client, batch.output_file_id);
  expect(output.map(answerOf)).toEqual(TEXTS.map((one) => `Marked ${one}`));
  const sent = server.lines.map(({ custom_id }) => custom_id);
  expect(sent).toHaveLength(new Set(sent).size);
  expect(sent).toHaveLength(TEXTS.length);
  expect(server.direct).toEqual([]);
  expect(batch.usage).toMatchObject({ input_tokens: 33, output_tokens: 21 });
}

test.each([
  ['while a turn is handed over', 'upstream-turns.hand-over'],
  ['when a group of turns was closed', 'upstream-batches.close'],
  ['when its file was uploaded', 'upstream-batches.set-file'],
  ['before its batch is made', 'upstream-batches.begin'],
  ['when its batch was made', 'upstream-batches.created'],
  ['while its answers are stored', 'upstream-batches.answers'],
])('goes on after a worker was killed %s', PATIENCE, async (_moment, statement) => {
  const reached = env.proxies.workerToDatabase.holdRepliesAfter(statement);
  const id = await submitAll();
  await reached;
  await expectAllAnswered(id);
});

test('finds the batch whose id it was not told', PATIENCE, async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.loseAnswer = resolve;
  const id = await submitAll();
  await promise;
  await expectAllAnswered(id);
});
