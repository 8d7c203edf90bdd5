/** Who may end a turn and a run, in which order, and what stays as it is. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RunId, ThreadId } from '../../wire/ids.ts';
import { finalizeRun } from '../../db/runs/finalize.ts';
import { withTransaction } from '../../db/core/pool.ts';
import { FencedError, readEvents } from '../../db/events/run-events.ts';
import { cancelRun } from '../../db/runs/cancel-run.ts';
import { submitToolOutputs } from '../../db/turns/submit-outputs.ts';
import { claimTurn } from '../../db/turns/claim-turn.ts';
import { countLostUsage, finishTurn } from '../../db/turns/finish-turn.ts';
import {
  answer,
  callTools,
  claim,
  endInAnswer,
  endInCalls,
  newCall,
  openAnswer,
  openCalls,
  USED,
} from '../support/turns.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

let database: Database;
beforeAll(async () => {
  database = await startDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

async function queued(owner = 'first') {
  const { run } = await database.queueRun();
  return { runId: run.id, threadId: run.thread_id, ref: { runId: run.id, turn: 0, owner } };
}

/** A run that waits for the output of one function call. */
async function paused() {
  const { runId, threadId, ref } = await queued();
  const { calls, stepId } = await callTools(database.pool, ref);
  const outputs = calls.map((id) => ({ tool_call_id: id, output: '42' }));
  const submit = (given = outputs) =>
    withTransaction(database.pool, (tx) =>
      submitToolOutputs(tx, { projectId: database.projectId, threadId, runId }, given),
    );
  return { runId, threadId, stepId, calls, submit };
}

async function rowOf(runId: RunId): Promise<Record<string, unknown>> {
  const { rows } = await database.pool.query<Record<string, unknown>>(
    'select * from runs where id = $1',
    [runId],
  );
  return rows[0]!;
}

async function namesOf(runId: RunId): Promise<string[]> {
  return (await readEvents(database.pool, runId, 0)).map(({ event }) => event);
}

async function storedCalls(runId: RunId): Promise<{ id: string; result: unknown }[]> {
  const { rows } = await database.pool.query<{ id: string; result: unknown }>(
    'select id, result from tool_calls where run_id = $1 order by index',
    [runId],
  );
  return rows;
}

test('an attempt that lost its run ends no turn of tool calls', async () => {
  const { runId, ref } = await queued('old');
  const next = { ...ref, owner: 'new' };
  const [late, call] = [newCall('function'), newCall('function')];
  await openCalls(database.pool, await claim(database.pool, ref), ref, [late]);
  await openCalls(database.pool, await claim(database.pool, next), next, [call]);
  const before = await namesOf(runId);
  await expect(finishTurn(database.pool, ref, endInCalls([late]))).rejects.toThrow(FencedError);
  expect(await rowOf(runId)).toMatchObject({ status: 'in_progress', prompt_tokens: 0 });
  expect(await storedCalls(runId)).toEqual([]);
  expect(await namesOf(runId)).toEqual(before);
  await finishTurn(database.pool, next, endInCalls([call]));
  expect(await storedCalls(runId)).toEqual([{ id: call.id, result: null }]);
});

test('an attempt that lost its run ends no turn with an answer, and opens nothing', async () => {
  const { runId, ref } = await queued('old');
  const run = await claim(database.pool, ref);
  const { messageId } = await openAnswer(database.pool, run, ref, 'Half');
  await claim(database.pool, { ...ref, owner: 'new' });
  const before = await namesOf(runId);
  const ending = finishTurn(database.pool, ref, endInAnswer(messageId, 'Half done.'));
  await expect(ending).rejects.toThrow(FencedError);
  await expect(openAnswer(database.pool, run, ref, 'Again')).rejects.toThrow(FencedError);
  expect(await namesOf(runId)).toEqual(before);
  expect(await rowOf(runId)).toMatchObject({ status: 'in_progress', owner: 'new' });
});

test('a turn that has its result is not taken again', async () => {
  const { runId, ref } = await queued();
  const ended = await answer(database.pool, ref);
  expect(ended).toEqual({ kind: 'ended', status: 'completed' });
  expect(await claimTurn(database.pool, { ...ref, owner: 'again' })).toEqual({
    kind: 'done',
    result: ended,
  });
  const waiting = await queued();
  const { calls } = await callTools(database.pool, waiting.ref, 'code_interpreter');
  expect(await claimTurn(database.pool, { ...waiting.ref, owner: 'again' })).toEqual({
    kind: 'done',
    result: { kind: 'tools', calls: calls.map((id) => ({ id, type: 'code_interpreter' })) },
  });
  expect((await namesOf(runId)).filter((name) => name === 'thread.run.completed')).toHaveLength(1);
});

test('a run keeps the time at which it started, however often it is taken', async () => {
  const { runId, ref } = await queued();
  await claim(database.pool, ref);
  await database.pool.query('update runs set started_at = 1000 where id = $1', [runId]);
  await claim(database.pool, { ...ref, owner: 'second' });
  expect(await rowOf(runId)).toMatchObject({ started_at: 1_000, owner: 'second' });
});

test('the attempt that takes over closes what the last one left open', async () => {
  const { runId, ref } = await queued('old');
  await openAnswer(database.pool, await claim(database.pool, ref), ref, 'Half');
  await claim(database.pool, { ...ref, owner: 'new' });
  expect((await namesOf(runId)).slice(-2)).toEqual([
    'thread.message.incomplete',
    'thread.run.step.failed',
  ]);
  const { rows } = await database.pool.query(
    `select m.status as message, s.status as step from run_steps s join messages m on m.id = s.message_id
     where s.run_id = $1`,
    [runId],
  );
  expect(rows).toEqual([{ message: 'incomplete', step: 'failed' }]);
});

test('a run that has ended stays as it is', async () => {
  const { runId, threadId, ref } = await queued();
  await answer(database.pool, ref);
  const [row, events] = [await rowOf(runId), await namesOf(runId)];
  for (const status of ['cancelled', 'expired', 'incomplete'] as const) {
    const ended = finalizeRun(database.pool, runId, { status });
    await expect(ended).resolves.toEqual({ kind: 'ended', status: 'completed' });
  }
  const cancelling = withTransaction(database.pool, (tx) =>
    cancelRun(tx, { projectId: database.projectId, threadId, runId }),
  );
  await expect(cancelling).rejects.toMatchObject({ status: 400 });
  await countLostUsage(database.pool, runId, USED);
  expect(await rowOf(runId)).toEqual(row);
  expect(await namesOf(runId)).toEqual(events);
});

test('outputs that were stored in time win over the deadline', async () => {
  const { runId, submit } = await paused();
  await submit();
  const late = finalizeRun(database.pool, runId, { status: 'expired', waiting: true });
  await expect(late).resolves.toEqual({ kind: 'resumed' });
  expect(await rowOf(runId)).toMatchObject({ status: 'queued' });
});

test('outputs that come after the deadline are refused, whoever has noticed it', async () => {
  const { runId, calls, submit } = await paused();
  await database.pool.query('update runs set expires_at = unix_now() where id = $1', [runId]);
  const refusal = { message: 'Runs in status "expired" do not accept tool outputs.' };
  await expect(submit()).rejects.toMatchObject({ status: 400, ...refusal });
  expect(await storedCalls(runId)).toEqual([{ id: calls[0], result: null }]);
  const ended = finalizeRun(database.pool, runId, { status: 'expired', waiting: true });
  await expect(ended).resolves.toEqual({ kind: 'ended', status: 'expired' });
  await expect(submit()).rejects.toMatchObject({ status: 400, ...refusal });
});

test('outputs are taken whole, once, and for exactly the calls that wait', async () => {
  const { runId, ref } = await queued();
  const { calls } = await callTools(database.pool, ref, 'function', 2);
  const { thread_id: threadId } = await rowOf(runId);
  const submit = (outputs: { tool_call_id: string; output: string }[]) =>
    withTransaction(database.pool, (tx) =>
      submitToolOutputs(
        tx,
        { projectId: database.projectId, threadId: threadId as ThreadId, runId },
        outputs,
      ),
    );
  const [one, two] = calls.map((id) => ({ tool_call_id: id, output: id }));
  const wrong = [[one!], [one!, one!], [one!, { ...two!, tool_call_id: 'call_unknown' }], []];
  for (const outputs of wrong) await expect(submit(outputs)).rejects.toMatchObject({ status: 400 });
  expect(await rowOf(runId)).toMatchObject({ status: 'requires_action' });
  expect((await storedCalls(runId)).map(({ result }) => result)).toEqual([null, null]);
  await submit([two!, one!]);
  expect((await storedCalls(runId)).map(({ result }) => result)).toEqual(
    calls.map((output) => ({ output })),
  );
  await expect(submit([one!, two!])).rejects.toMatchObject({ status: 400 });
});

test('usage that came to nothing is counted with what follows', async () => {
  const { runId, ref } = await queued();
  const run = await claim(database.pool, ref);
  await countLostUsage(database.pool, runId, USED);
  const { messageId } = await openAnswer(database.pool, run, ref, 'Done');
  await finishTurn(database.pool, ref, endInAnswer(messageId, 'Done.'));
  expect(await rowOf(runId)).toMatchObject({ prompt_tokens: 22, completion_tokens: 14 });
});
