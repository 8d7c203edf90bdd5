/** SIGKILL of a worker at the moments between Postgres and Temporal: one of the two knows, the other does not. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RunRef } from '../support/durable-run.ts';
import {
  callLookup,
  createRun,
  eventually,
  expectSettled,
  LOOKUP,
  say,
  submitOutputs,
  untilStatus,
  untilStored,
} from '../support/durable-run.ts';
import { hold } from '../support/fake-model.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';

let env: ProcessEnvironment;
const runs = {} as Record<'answered' | 'paused' | 'submitted', RunRef>;

beforeAll(async () => {
  env = await ProcessEnvironment.start();
  await env.serveApi();
  const worker = await env.startWorker();
  env.model.script('submitted', callLookup(), say('Found it.'));
  runs.submitted = await createRun(env, 'submitted', [LOOKUP]);
  await untilStatus(env, runs.submitted, 'requires_action');

  const answer = hold(say('The only answer.'), { afterChunks: 1 });
  env.model.script('answered', answer.reply);
  runs.answered = await createRun(env, 'answered');
  const call = hold(callLookup(), { afterChunks: 1 });
  env.model.script('paused', call.reply, say('Found that too.'));
  runs.paused = await createRun(env, 'paused', [LOOKUP]);
  await Promise.all([answer.reached, call.reached]);

  env.proxies.workerToTemporal.hold('requests');
  answer.release();
  call.release();
  await untilStored(env, runs.answered, 'completed');
  await untilStored(env, runs.paused, 'requires_action');
  // The worker is handed the signal's workflow task and can never answer it.
  await submitOutputs(env, runs.submitted);
  await eventually(async () => {
    const handle = env.temporal.workflow.getHandle(runs.submitted.runId);
    const { events = [] } = await handle.fetchHistory();
    expect(events?.filter((event) => event.workflowExecutionSignaledEventAttributes)).toHaveLength(
      1,
    );
  });
  await worker.kill();
  await env.startWorker({ direct: true });
});
afterAll(() => env[Symbol.asyncDispose]());

test('keeps an answer that Temporal had not heard of, without asking the model again', async () => {
  await expectSettled(env, runs.answered, { answer: 'The only answer.', turns: 1 });
});

test('keeps a pause that Temporal had not heard of, and resumes from it', async () => {
  await submitOutputs(env, runs.paused);
  await expectSettled(env, runs.paused, { answer: 'Found that too.', turns: 2 });
});

test('resumes from a submission whose signal was accepted as the worker died', async () => {
  await expectSettled(env, runs.submitted, { answer: 'Found it.', turns: 2 });
});
