/** deploy/temporal/views.md on a real server: every query is one that it takes, and each end of a run is found by its own. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Client } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createRun, eventually, LOOKUP, callLookup, say } from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { hold, status, text } from '../support/fake-model.ts';
import type { Reply } from '../support/fake-model.ts';
import { ROOT } from './compose-file.ts';

const document = readFileSync(join(ROOT, 'deploy/temporal/views.md'), 'utf8');
const VIEWS = [...document.matchAll(/^\| \[([^\]]+)\]\((\S+)\)\s*\| `([^`]+)`/gm)].map(
  ([, name, link, query]) => ({ name: name!, link: link!, query: query! }),
);
const NARROWED = [...document.matchAll(/^\| one [^|]*\| `([^`]+)`/gm)].map(([, part]) => part!);

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(() => env[Symbol.asyncDispose]());

test.each(VIEWS)('$name: the server takes the query, and the link holds it', async (view) => {
  expect(await env.temporal.workflow.count(view.query)).toHaveProperty('count');
  expect(new URL(view.link).searchParams.get('query')).toBe(view.query);
});

test('every narrower query is one that the server takes', async () => {
  expect(NARROWED.length).toBeGreaterThan(4);
  for (const part of NARROWED) {
    expect(await env.temporal.workflow.count(`${VIEWS[0]!.query} AND ${part}`)).toEqual({
      count: 0,
      groups: [],
    });
  }
});

type End = {
  view: string;
  reply: Reply;
  result: object | null;
  act?: (run: RunIds) => Promise<unknown>;
};
type RunIds = { runId: string; threadId: string };

const cancel = ({ runId, threadId }: RunIds) =>
  env.client.beta.threads.runs.cancel(runId, { thread_id: threadId });
const terminate = ({ runId }: RunIds) => env.temporal.workflow.getHandle(runId).terminate();
const silent = () => hold(say('Never sent.'), { afterChunks: 0 }).reply;

const ENDS: End[] = [
  { view: 'Completed', reply: say('Yes.'), result: { status: 'completed', reason: null } },
  { view: 'Failed', reply: status(400), result: { status: 'failed', reason: 'invalid_prompt' } },
  {
    view: 'Incomplete',
    reply: text('As I was sayi', { finishReason: 'length' }),
    result: { status: 'incomplete', reason: 'max_completion_tokens' },
  },
  { view: 'Cancelled', reply: silent(), act: cancel, result: null },
  { view: 'Terminated', reply: silent(), act: terminate, result: null },
];

test.each(ENDS)('a run that ended is found under $view, and its result says why', async (end) => {
  const model = `m-${randomUUID()}`;
  env.model.script(model, end.reply);
  const run = await createRun(env, model);
  const handle = env.temporal.workflow.getHandle(run.runId);
  if (end.act !== undefined) {
    await env.model.until(() => env.model.requests(model).length === 1);
    await end.act(run);
  }
  // A run is accepted before Temporal has it.
  await eventually(() => handle.describe());
  const result: unknown = await handle.result().catch(() => null);
  // The list follows a workflow's end a little later.
  await eventually(async () => expect(await viewsOf(run.threadId)).toEqual([end.view]));
  if (end.result !== null) expect(result).toEqual(end.result);
});

test('a run that waits for its client is found, then that it expired', async () => {
  const model = `m-${randomUUID()}`;
  env.model.script(model, callLookup());
  const { id: assistant_id } = await env.client.beta.assistants.create({ model, tools: [LOOKUP] });
  const thread = await env.client.beta.threads.create({
    messages: [{ role: 'user', content: 'Hi' }],
  });
  const params = { assistant_id, expires_after: 9 };
  const run = await env.client.beta.threads.runs.create(thread.id, params);
  await eventually(async () =>
    expect(await viewsOf(thread.id)).toEqual(['Runs under way', 'Waiting for a client']),
  );
  const result: unknown = await env.temporal.workflow.getHandle(run.id).result();
  expect(result).toEqual({ status: 'expired', reason: null });
  await eventually(async () => expect(await viewsOf(thread.id)).toEqual(['Expired']));
});

/** The views that show the one run of the thread. The list lags behind the workflows by some milliseconds. */
async function viewsOf(threadId: string): Promise<string[]> {
  return eventually(async () => {
    const found = await Promise.all(
      VIEWS.map(async ({ name, query }) => {
        const { count } = await env.temporal.workflow.count(
          `(${query}) AND ThreadId = '${threadId}'`,
        );
        return count === 1 ? [name] : [];
      }),
    );
    expect(found.flat()).not.toEqual([]);
    return found.flat();
  });
}

test('a run ends on a server that does not know the attributes', async () => {
  const namespace = `bare-${randomUUID()}`;
  await env.temporal.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: msToTs('1 day'),
  });
  await eventually(() => env.temporal.workflowService.describeNamespace({ namespace }));
  await using bare = await eventually(() =>
    Environment.start({ config: { temporalNamespace: namespace } }),
  );
  bare.model.script('bare', say('Yes.'));
  const run = await createRun(bare, 'bare');
  const client = new Client({ connection: env.temporal.connection, namespace });
  await eventually(() => client.workflow.getHandle(run.runId).describe());
  const result: unknown = await client.workflow.getHandle(run.runId).result();
  expect(result).toEqual({ status: 'completed', reason: null });
});
