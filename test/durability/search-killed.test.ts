/** SIGKILL of a worker between a search and the commit of its result, and between that and Temporal hearing of it. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RunRef } from '../support/durable-run.ts';
import { eventually, expectSettled, follow, say, USAGE } from '../support/durable-run.ts';
import { toolCalls } from '../support/fake-model.ts';
import { lock, storedResults, untilBlocked } from '../support/locks.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';
import { settled, upload } from '../support/stores.ts';

const ANSWER = 'Moss【1:0†fish.txt】.';

let env: ProcessEnvironment;
let fileId: string;
const runs = {} as Record<'found' | 'stored', RunRef>;

beforeAll(async () => {
  env = await ProcessEnvironment.start();
  await env.serveApi();
  const worker = await env.startWorker();
  fileId = await upload(env.client, 'The blue fish eat moss.', 'fish.txt');
  const store = await env.client.vectorStores.create({ name: 's', file_ids: [fileId] });
  expect(await settled(env.client, store.id, fileId)).toMatchObject({ status: 'completed' });

  // Both searches wait until both have come as far.
  const searches = await lock(env, 'lock table documents in access exclusive mode');
  for (const moment of ['found', 'stored'] as const) runs[moment] = await search(moment, store.id);
  await untilBlocked(env, 'join documents d', 2);
  const result = await lock(env, 'select id from runs where id = $1 for update', [
    runs.found.runId,
  ]);
  env.proxies.workerToTemporal.hold('requests');
  await searches.end();
  await untilBlocked(env, 'project_id = coalesce($3, project_id) for update', 1);
  await eventually(async () => expect(await storedResults(env, runs.stored)).toBe(1));
  await worker.kill();

  await result.end();
  env.proxies.workerToTemporal.cut();
  env.proxies.workerToTemporal.resume();
  await env.startWorker();
});
afterAll(() => env[Symbol.asyncDispose]());

async function search(model: string, storeId: string): Promise<RunRef> {
  const call = { name: 'file_search', arguments: { queries: ['What do fish eat?'] } };
  env.model.script(model, toolCalls([call], { usage: USAGE }), say(ANSWER));
  const { id: assistant_id } = await env.client.beta.assistants.create({
    model,
    tools: [{ type: 'file_search' }],
    tool_resources: { file_search: { vector_store_ids: [storeId] } },
  });
  const run = await env.client.beta.threads.createAndRun({
    assistant_id,
    thread: { messages: [{ role: 'user', content: 'What do fish eat?' }] },
  });
  return { model, threadId: run.thread_id, runId: run.id };
}

test.each(['found', 'stored'] as const)(
  'when a result is %s: it is there once, and cited',
  async (moment) => {
    const reader = await follow(env, runs[moment]);
    await reader.finished;
    const events = await expectSettled(env, runs[moment], { answer: ANSWER, turns: 2 });
    const deltas = events.filter(({ event }) => event === 'thread.run.step.delta');
    expect(deltas).toHaveLength(2);
    const { data } = await env.client.beta.threads.messages.list(runs[moment].threadId);
    expect(data[0]?.content).toMatchObject([
      { text: { annotations: [{ file_citation: { file_id: fileId } }] } },
    ]);
  },
);
