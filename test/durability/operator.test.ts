/** What operators do in the Temporal UI, and what a Temporal that lost its data leaves behind. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { RunRef } from '../support/durable-run.ts';
import {
  callLookup,
  createRun,
  eventsOf,
  eventually,
  expectSettled,
  follow,
  LOOKUP,
  say,
  submitOutputs,
  untilCounted,
  untilStatus,
  USAGE,
} from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { hold, toolCalls } from '../support/fake-model.ts';
import { loseWorkflow, passNow, reconcileNow, resetWorkflow } from '../support/operator.ts';
import { descendants } from '../support/processes.ts';
import { readToDone } from '../support/stream-events.ts';

let env: Environment;
const queued = {} as Record<'cancelled' | 'lost', RunRef>;
beforeAll(async () => {
  env = await Environment.start({ sandbox: true, worker: false });
  queued.cancelled = await createRun(env, 'cancel-queued');
  await eventually(() => workflow(queued.cancelled.runId).cancel());
  env.model.script('lose-queued', say('Started after all.'));
  queued.lost = await createRun(env, 'lose-queued');
  await eventually(() => workflow(queued.lost.runId).describe());
  await untilDelivered(queued.lost);
  await loseWorkflow(env, queued.lost);
  await env.startWorker();
});
afterAll(() => env[Symbol.asyncDispose]());

/** A run whose model stops in the middle of its answer, with a reader that has seen the half. */
async function halfTold(model: string, ...after: ReturnType<typeof say>[]) {
  const half = hold(say('one two three four'), { afterChunks: 2 });
  env.model.script(model, half.reply, ...after);
  const ref = await createRun(env, model);
  const reader = await follow(env, ref);
  await reader.saw('thread.message.delta', 2);
  return { ref, reader, half };
}

async function parked(model: string) {
  env.model.script(model, callLookup(), say('Found it.'));
  const ref = await createRun(env, model, [LOOKUP]);
  const reader = await follow(env, ref);
  await untilStatus(env, ref, 'requires_action');
  return { ref, reader };
}

/** Temporal has accepted everything about the run. */
function untilDelivered({ runId }: RunRef): Promise<void> {
  return eventually(async () => {
    const { rows } = await env.pool.query('select 1 from deliveries where run_id = $1', [runId]);
    expect(rows).toEqual([]);
  });
}

const workflow = (runId: string) => env.temporal.workflow.getHandle(runId);

describe("a cancel in Temporal, like the UI's button", () => {
  const CANCELLED = { status: 'cancelled', workflow: 'CANCELLED', answer: null } as const;

  test('cancels a run that is queued', async () => {
    const events = await expectSettled(env, queued.cancelled, { ...CANCELLED, turns: 0 });
    expect(events.map(({ event }) => event)).toEqual([
      'thread.created',
      'thread.run.created',
      'thread.run.queued',
      'thread.run.cancelling',
      'thread.run.cancelled',
    ]);
  });

  test('cancels a run before its first token', async () => {
    const silent = hold(say('Never sent.'), { afterChunks: 0 });
    env.model.script('cancel-silent', silent.reply);
    const ref = await createRun(env, 'cancel-silent');
    await silent.reached;
    await workflow(ref.runId).cancel();
    await expectSettled(env, ref, { ...CANCELLED, turns: 0, modelCalls: 1 });
  });

  test('cancels a run in the middle of its answer and keeps what was told', async () => {
    const { ref, reader } = await halfTold('cancel-half');
    await workflow(ref.runId).cancel();
    expect(await reader.finished).toBe('done');
    const cutOff = ['one two'];
    const paid = { lost: [7, 2] as [number, number] };
    const expected = { ...CANCELLED, turns: 0, modelCalls: 1, cutOff, ...paid };
    const events = await expectSettled(env, ref, expected);
    expect(events.slice(-4).map(({ event }) => event)).toEqual([
      'thread.run.cancelling',
      'thread.message.incomplete',
      'thread.run.step.cancelled',
      'thread.run.cancelled',
    ]);
    expect(reader.events).toEqual(events);
    expect(env.model.requests('cancel-half').map(({ aborted }) => aborted)).toEqual([true]);
  });

  test('cancels a run inside a cell and ends the cell', async () => {
    const code = 'import subprocess\nsubprocess.run(["sleep", "61.5"])';
    const cell = toolCalls([{ name: 'code_interpreter', arguments: { code } }], { usage: USAGE });
    env.model.script('cancel-cell', cell);
    const ref = await createRun(env, 'cancel-cell', [{ type: 'code_interpreter' }]);
    const sleeping = async () =>
      (await descendants(process.pid)).filter(({ command }) => command === 'sleep 61.5');
    await eventually(async () => expect(await sleeping()).toHaveLength(1));
    await workflow(ref.runId).cancel();
    await expectSettled(env, ref, { ...CANCELLED, turns: 1 });
    await eventually(async () => expect(await sleeping()).toEqual([]));
  });

  test('cancels a run that waits for its client', async () => {
    const { ref, reader } = await parked('cancel-parked');
    await workflow(ref.runId).cancel();
    expect(await reader.finished).toBe('done');
    const events = await expectSettled(env, ref, { ...CANCELLED, turns: 1 });
    expect(events.slice(-3).map(({ event }) => event)).toEqual([
      'thread.run.cancelling',
      'thread.run.step.cancelled',
      'thread.run.cancelled',
    ]);
    expect(reader.events).toEqual(events);
  });
});

describe('a workflow that was terminated', () => {
  const FAILED = { status: 'failed', workflow: 'TERMINATED', answer: null, modelCalls: 1 } as const;
  const error = { code: 'server_error', message: 'The run was terminated by an operator.' };

  test('fails its run in the middle of an answer, and nothing is told after that', async () => {
    const { ref, reader, half } = await halfTold('terminate-half');
    await workflow(ref.runId).terminate();
    await reconcileNow(env, ref);
    expect(await reader.finished).toBe('done');
    half.release();
    await env.model.until(() =>
      env.model.requests(ref.model).every((request) => request.finished || request.aborted),
    );
    await expectSettled(env, ref, { ...FAILED, turns: 0, cutOff: ['one two'] });
    expect((await untilStatus(env, ref, 'failed')).last_error).toEqual(error);
  });

  test('fails its run that waits for its client', async () => {
    const { ref, reader } = await parked('terminate-parked');
    await workflow(ref.runId).terminate();
    await reconcileNow(env, ref);
    expect(await reader.finished).toBe('done');
    await expectSettled(env, ref, { ...FAILED, turns: 1 });
  });

  test('fails its run at the next pass, however short the silence', async () => {
    const { ref, reader } = await parked('terminate-lively');
    await workflow(ref.runId).terminate();
    await eventually(async () => {
      await passNow(env.pool);
      await untilEnded(ref);
    });
    expect(await reader.finished).toBe('done');
    await expectSettled(env, ref, { ...FAILED, turns: 1 });
  });
});

async function untilEnded({ runId }: RunRef): Promise<void> {
  const { rows } = await env.pool.query('select status from runs where id = $1', [runId]);
  expect(rows).toEqual([{ status: 'failed' }]);
}

describe('a workflow that was lost', () => {
  test('is started again for a run that is queued', async () => {
    await reconcileNow(env, queued.lost);
    await expectSettled(env, queued.lost, { answer: 'Started after all.', turns: 1 });
  });

  test('is started again for a run in the middle of its answer', async () => {
    const { ref, reader } = await halfTold('lose-half', say('A second answer.'));
    await loseWorkflow(env, ref);
    await reconcileNow(env, ref);
    expect(await reader.finished).toBe('done');
    const answer = 'A second answer.';
    await expectSettled(env, ref, { answer, cutOff: ['one two'], turns: 1, modelCalls: 2 });
  });

  test('is started again for a run that waits for its client', async () => {
    const { ref } = await parked('lose-parked');
    await loseWorkflow(env, ref);
    await reconcileNow(env, ref);
    await eventually(() => workflow(ref.runId).describe());
    await submitOutputs(env, ref);
    await expectSettled(env, ref, { answer: 'Found it.', turns: 2 });
  });

  test('is started again for a run whose client answered meanwhile', async () => {
    const { ref } = await parked('lose-answered');
    await loseWorkflow(env, ref);
    await submitOutputs(env, ref);
    await untilDelivered(ref);
    await reconcileNow(env, ref);
    await expectSettled(env, ref, { answer: 'Found it.', turns: 2 });
  });
});

describe('a workflow that is reset', () => {
  test('does not ask the model again for a run that has ended', async () => {
    env.model.script('reset-ended', say('The only answer.'));
    const ref = await createRun(env, 'reset-ended');
    const before = await expectSettled(env, ref, { answer: 'The only answer.', turns: 1 });
    const { runId: firstExecution } = await workflow(ref.runId).describe();
    await resetWorkflow(env, ref);
    await eventually(async () => {
      const { runId, status } = await workflow(ref.runId).describe();
      expect(runId).not.toBe(firstExecution);
      expect(status.name).toBe('COMPLETED');
    });
    const after = await expectSettled(env, ref, { answer: 'The only answer.', turns: 1 });
    expect(after).toEqual(before);
  });

  test('goes on waiting for the client of a run that waited', async () => {
    const { ref } = await parked('reset-parked');
    await resetWorkflow(env, ref);
    await submitOutputs(env, ref);
    await expectSettled(env, ref, { answer: 'Found it.', turns: 2 });
  });

  test('tells an answer anew that was half told', async () => {
    const answer = 'A second answer.';
    const second = hold(say(answer), { afterChunks: 1 });
    const { ref, reader, half } = await halfTold('reset-half', second.reply);
    await resetWorkflow(env, ref);
    await reader.saw('thread.message.incomplete');
    half.release();
    const lost: [number, number] = [USAGE.prompt_tokens, USAGE.completion_tokens];
    await untilCounted(env, ref, lost);
    second.release();
    await expectSettled(env, ref, { answer, cutOff: ['one two'], turns: 1, modelCalls: 2, lost });
    expect(reader.events).toEqual(await readToDone(await eventsOf(env, ref)));
  });
});
