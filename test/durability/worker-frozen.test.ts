/** A worker that stands still past its heartbeat timeout and then goes on, as after a suspended machine. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RunRef, StreamReader } from '../support/durable-run.ts';
import {
  createRun,
  expectSettled,
  follow,
  say,
  untilCounted,
  USAGE,
} from '../support/durable-run.ts';
import { hold } from '../support/fake-model.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';

const WORDS = 'one two three four';
const HALF_LOST: [number, number] = [USAGE.prompt_tokens, USAGE.completion_tokens];

type Answer = { release(): void };
type Frozen = {
  ref: RunRef;
  reader: StreamReader;
  first: Answer;
  second: Answer;
  taken: Promise<void>;
};

let env: ProcessEnvironment;
/** `half` has more to tell when it wakes up, `whole` has only to store what it told. */
const runs = {} as Record<'half' | 'whole', Frozen>;

beforeAll(async () => {
  env = await ProcessEnvironment.start();
  await env.serveApi();
  const zombie = await env.startWorker();
  runs.half = await stopAfter('half', 2);
  runs.whole = await stopAfter('whole', 4);

  zombie.signal('SIGSTOP');
  // Temporal notices that its pollers are gone, and will not tell it anything: Postgres alone keeps it out.
  env.proxies.workerToTemporal.refuse();
  await env.startWorker({ direct: true });
  await Promise.all([runs.half.taken, runs.whole.taken]);

  const { workerToDatabase } = env.proxies;
  const tried = [workerToDatabase.saw('run-events.deltas'), workerToDatabase.saw('turns.move-run')];
  zombie.signal('SIGCONT');
  runs.half.first.release();
  runs.whole.first.release();
  await Promise.all(tried);
  await untilCounted(env, runs.half.ref, HALF_LOST);
  runs.half.second.release();
  runs.whole.second.release();
});
afterAll(() => env[Symbol.asyncDispose]());

/** A run whose first answer stops after so many words, and whose second one stops after its first. */
async function stopAfter(model: string, afterChunks: number): Promise<Frozen> {
  const first = hold(say(WORDS), { afterChunks });
  const second = hold(say('A second answer.'), { afterChunks: 1 });
  env.model.script(model, first.reply, second.reply);
  const ref = await createRun(env, model);
  const reader = await follow(env, ref);
  await first.reached;
  await reader.sawText(WORDS.split(' ').slice(0, afterChunks).join(' '));
  const taken = second.reached.then(() => reader.saw('thread.message.created', 2));
  return { ref, reader, first, second, taken };
}

test('keeps a worker that wakes up from telling more of an answer that was given up', async () => {
  // It reads its answer to the end, which was paid for while the run was under way.
  await expectFenced(runs.half, 'one two', HALF_LOST);
});

test('keeps a worker that wakes up from storing an answer that was given up', async () => {
  await expectFenced(runs.whole, WORDS);
});

async function expectFenced(
  { ref, reader }: Frozen,
  cutOff: string,
  lost: [number, number] = [0, 0],
): Promise<void> {
  expect(await reader.finished).toBe('done');
  const events = await expectSettled(env, ref, {
    answer: 'A second answer.',
    cutOff: [cutOff],
    turns: 1,
    modelCalls: 2,
    lost,
  });
  expect(reader.events).toEqual(events);
}
