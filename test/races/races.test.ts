/** Two requests that must not both have their way, sent at the same time to two APIs: one wins, and all agree who. */
import { randomUUID } from 'node:crypto';
import { setTimeout as until } from 'node:timers/promises';

import type { Run as SdkRun } from 'openai/resources/beta/threads/runs/runs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { hold, text, toolCalls } from '../support/fake-model.ts';
import type { Setup } from '../support/runs.ts';
import { outputsFor, setUp, WEATHER } from '../support/runs.ts';
import type { Answer, Arena } from './race.ts';
import { answerOf, both, openArena, REPEATS, repeat } from './race.ts';
import type { Sound } from './sound.ts';
import { expectGone, expectSound } from './sound.ts';

vi.setConfig({ testTimeout: 60_000 + REPEATS * 4_000 });

let arena: Arena;
beforeAll(async () => {
  arena = await openArena();
});
afterAll(async () => {
  expect(arena.env.model.overruns).toEqual([]);
  await arena[Symbol.asyncDispose]();
});

const runsOf = (api: 0 | 1) => arena.clients[api].beta.threads.runs;
const cancel = (api: 0 | 1, { id, thread_id }: SdkRun) => runsOf(api).cancel(id, { thread_id });
const submit = (api: 0 | 1, run: SdkRun, output: string) =>
  runsOf(api).submitToolOutputs(run.id, {
    thread_id: run.thread_id,
    tool_outputs: outputsFor(run, output),
  });

const call = () => toolCalls([{ name: 'get_weather', arguments: { city: 'Paris' } }]);

/** A run that waits for the output of one call; the model has one answer more. */
async function pausedRun(fields: object = {}): Promise<Setup & { run: SdkRun }> {
  const setup = await setUp(arena.env, [call(), text('Sunny.')], { tools: [WEATHER] });
  const body = { assistant_id: setup.assistant.id, ...fields };
  return { ...setup, run: await runsOf(0).createAndPoll(setup.threadId, body) };
}

const asked = ({ model }: Setup) => arena.env.model.requests(model);

/** What the one call of the run was answered with; null: nothing. */
function outputOf({ steps }: Sound): string | null {
  const details = steps[0]!.step_details;
  if (details.type !== 'tool_calls' || details.tool_calls[0]?.type !== 'function') {
    throw new Error('The first step calls no function.');
  }
  return details.tool_calls[0].function.output;
}

const countOf = ({ log }: Sound, name: string) => log.filter(({ event }) => event === name).length;

const winnersOf = (answers: Answer<unknown>[]) => answers.filter(({ ok }) => ok).length;

/** The outputs were taken if and only if that was answered: they are stored, and told once. */
function expectTaken(sound: Sound, isTaken: boolean, output: string): void {
  expect(outputOf(sound)).toBe(isTaken ? output : null);
  expect(countOf(sound, 'thread.run.queued')).toBe(isTaken ? 2 : 1);
}

test('of two runs that are created on one thread one is', async () => {
  await repeat('two creates', async (number) => {
    const setup = await setUp(arena.env, [text('Once.')]);
    const body = { assistant_id: setup.assistant.id };
    const create = (api: 0 | 1) => () => runsOf(api).create(setup.threadId, body);
    const answers = await both(number, create(0), create(1));
    expect(winnersOf(answers)).toBe(1);
    const { data } = await runsOf(0).list(setup.threadId);
    expect(data).toHaveLength(1);
    for (const answer of answers) {
      if (answer.ok) expect(answer.value.id).toBe(data[0]!.id);
      else expect(answer).toMatchObject({ status: 400 });
    }
    const { run } = await expectSound(arena.env, data[0]!);
    expect(run.status).toBe('completed');
    expect(asked(setup)).toHaveLength(1);
    return answers[0].ok ? 'the first API' : 'the second API';
  });
});

test('of outputs and a cancel each has its effect if it was accepted, and the cancel the last', async () => {
  await repeat('submit ∥ cancel', async (number) => {
    const paused = await pausedRun();
    const [submitted, cancelled] = await both(
      number,
      () => submit(0, paused.run, 'yes'),
      () => cancel(1, paused.run),
    );
    const sound = await expectSound(arena.env, paused.run);
    expectTaken(sound, submitted.ok, 'yes');
    expect(sound.run.status).toBe(cancelled.ok ? 'cancelled' : 'completed');
    expect(submitted.ok || cancelled.ok).toBe(true);
    if (!submitted.ok) expect(asked(paused)).toHaveLength(1);
    if (!cancelled.ok) expect(asked(paused)).toHaveLength(2);
    return submitted.ok ? (cancelled.ok ? 'both' : 'the outputs') : 'the cancel';
  });
});

test('outputs around the deadline are taken, or the run expires', async () => {
  await repeat('submit ∥ expiry', async (number) => {
    const paused = await pausedRun({ expires_after: 4 });
    if (paused.run.status !== 'requires_action') return 'too slow';
    // The deadline is what the outputs race with: they leave up to 160 ms before it, or some 60 after it.
    const at = paused.run.expires_at! * 1_000 + (number % 23) * 10 - 160;
    await until(Math.max(0, at - Date.now()));
    const [submitted] = await both(
      number,
      () => submit(0, paused.run, 'in time'),
      () => runsOf(1).retrieve(paused.run.id, { thread_id: paused.threadId }),
    );
    const sound = await expectSound(arena.env, paused.run);
    expectTaken(sound, submitted.ok, 'in time');
    if (!submitted.ok) {
      expect(sound.run.status).toBe('expired');
      expect(submitted.message).toContain('Runs in status "expired" do not accept tool outputs.');
      expect(asked(paused)).toHaveLength(1);
    }
    return submitted.ok ? `taken, ${sound.run.status}` : 'expired';
  });
});

test('of two submissions one is taken, and the model is shown that one', async () => {
  await repeat('double submit', async (number) => {
    const paused = await pausedRun();
    const [first, second] = await both(
      number,
      () => submit(0, paused.run, 'first'),
      () => submit(1, paused.run, 'second'),
    );
    expect(winnersOf([first, second])).toBe(1);
    const winner = first.ok ? 'first' : 'second';
    const sound = await expectSound(arena.env, paused.run);
    expectTaken(sound, true, winner);
    expect(sound.run.status).toBe('completed');
    expect(asked(paused)).toHaveLength(2);
    expect(asked(paused)[1]!.body.messages.at(-1)).toMatchObject({ content: winner });
    return winner;
  });
});

test('of a cancel and the end of the answer one comes first, and the run ends so', async () => {
  await repeat('cancel ∥ completion', async (number) => {
    const held = hold(text('One two three.'), { afterChunks: number % 3 });
    const setup = await setUp(arena.env, [held.reply]);
    const run = await runsOf(0).create(setup.threadId, { assistant_id: setup.assistant.id });
    await held.reached;
    const finish = async () => {
      held.release();
      await arena.env.model.until(() => asked(setup).every((one) => one.finished || one.aborted));
    };
    const [, cancelled] = await both(number, finish, () => cancel(1, run));
    const sound = await expectSound(arena.env, run);
    expect(sound.run.status).toBe(cancelled.ok ? 'cancelled' : 'completed');
    if (!cancelled.ok) expect(cancelled.message).toContain("with status 'completed'");
    expect(asked(setup)).toHaveLength(1);
    return sound.run.status;
  });
});

test('of a thread that is deleted while its run is created, under way or resumed nothing is left', async () => {
  await repeat('delete ∥ run', async (number) => {
    const setup = await setUp(arena.env, [call(), text('Sunny.')], { tools: [WEATHER] });
    const { name, run, request } = await RUNS_TO_DELETE[number % 3]!(setup);
    const remove = () => arena.clients[1].beta.threads.delete(setup.threadId);
    const [answer, deleted] = await both(Math.floor(number / 3), request, remove);
    expect(deleted.ok).toBe(true);
    if (!answer.ok) expect(answer.status).toBe(404);
    expect(await answerOf(runsOf(0).list(setup.threadId))).toMatchObject({ status: 404 });
    const known = run ?? (answer.ok ? answer.value : undefined);
    if (known !== undefined) await expectGone(arena.env, known);
    return `${name} ${answer.ok ? 'came first' : 'found nothing'}`;
  });
});

type ToDelete = { name: string; run?: SdkRun; request: () => Promise<SdkRun> };

/** A run at a moment of its life, and the request that meets the end of its thread. */
const RUNS_TO_DELETE: ((setup: Setup) => Promise<ToDelete>)[] = [
  async ({ assistant, threadId }) => ({
    name: 'create',
    request: () => runsOf(0).create(threadId, { assistant_id: assistant.id }),
  }),
  async ({ assistant, threadId }) => {
    const run = await runsOf(0).create(threadId, { assistant_id: assistant.id });
    return { name: 'poll', run, request: () => runsOf(0).poll(run.id, run) };
  },
  async ({ assistant, threadId }) => {
    const run = await runsOf(0).createAndPoll(threadId, { assistant_id: assistant.id });
    return { name: 'submit', run, request: () => submit(0, run, 'late') };
  },
];

test('two requests with one key have one effect and one answer', async () => {
  await repeat('equal keys', async (number) => {
    const setup = await setUp(arena.env, [text('Once.')]);
    const options = { headers: { 'idempotency-key': randomUUID() } };
    const body = { assistant_id: setup.assistant.id };
    const create = (api: 0 | 1) => () => runsOf(api).create(setup.threadId, body, options);
    const [first, second] = await both(number, create(0), create(1));
    expect(first.ok).toBe(true);
    expect(second).toEqual(first);
    const { data } = await runsOf(0).list(setup.threadId);
    expect(data).toHaveLength(1);
    const { run } = await expectSound(arena.env, data[0]!);
    expect(run.status).toBe('completed');
    expect(asked(setup)).toHaveLength(1);
    return 'one effect';
  });
});

const QUEUED = { 'x-threadmill': { on_active_run: 'queue' } };

test('a run that is queued as the active one ends starts at once or after it', async () => {
  await repeat('queue and end', async (number) => {
    const held = hold(text('First.'), { afterChunks: 0 });
    const setup = await setUp(arena.env, [held.reply, text('Second.')]);
    const body = { assistant_id: setup.assistant.id };
    const first = await runsOf(0).create(setup.threadId, body);
    await held.reached;
    const [, queued] = await both(
      number,
      async () => held.release(),
      () =>
        runsOf(1).create(setup.threadId, {
          ...body,
          stream: false,
          ...QUEUED,
        }),
    );
    if (!queued.ok) throw new Error(queued.message);
    const ends = [await expectSound(arena.env, first), await expectSound(arena.env, queued.value)];
    expect(ends.map(({ run }) => run.status)).toEqual(['completed', 'completed']);
    expect(asked(setup)).toHaveLength(2);
    return ends[1]!.messages.length === 1 ? 'both ran' : 'mixed';
  });
});

test('of runs that are queued and a thread that is deleted at once nothing is left', async () => {
  await repeat('queue and delete', async (number) => {
    const held = hold(text('First.'), { afterChunks: 0 });
    const setup = await setUp(arena.env, [held.reply]);
    const body = { assistant_id: setup.assistant.id };
    await runsOf(0).create(setup.threadId, body);
    await held.reached;
    const [queued, deleted] = await both(
      number,
      () =>
        runsOf(1).create(setup.threadId, {
          ...body,
          stream: false,
          ...QUEUED,
        }),
      () => arena.clients[0].beta.threads.delete(setup.threadId),
    );
    held.release();
    expect(deleted.ok).toBe(true);
    const rows = await arena.env.pool.query('select from runs where thread_id = $1', [
      setup.threadId,
    ]);
    expect(rows.rows).toEqual([]);
    return queued.ok ? 'queued, then deleted' : 'deleted first';
  });
});
