/** SIGTERM: a worker finishes what it can and hands over the rest; an API ends its streams where they can be resumed. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RunRef, StreamReader } from '../support/durable-run.ts';
import {
  createRun,
  eventsOf,
  eventually,
  expectSettled,
  follow,
  say,
} from '../support/durable-run.ts';
import { hold } from '../support/fake-model.ts';
import { InterpreterChat } from '../support/interpreter-chat.ts';
import { assertLegalStream, readToDone } from '../support/legal-stream.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';
import type { Exit } from '../support/processes.ts';
import { descendants } from '../support/processes.ts';

/** Longer than a worker that stops waits for its activities. */
const CELL_SECONDS = 40;

let env: ProcessEnvironment;
const runs = {} as Record<'finished' | 'handedOver' | 'inCell' | 'unstarted', RunRef>;
let chat: InterpreterChat;
let reader: StreamReader;
let workerExit: Exit;
let apiExit: Exit;
let apiSeconds: number;

beforeAll(async () => {
  env = await ProcessEnvironment.start();
  const [worker, api] = await Promise.all([env.startWorker({ sandbox: true }), env.startApi()]);
  chat = await InterpreterChat.start(env, 'cell');
  const answer = hold(say('one two three four'), { afterChunks: 2 });
  env.model.script('finished', answer.reply);
  runs.finished = await createRun(env, 'finished');
  reader = await follow(env, runs.finished);
  const stuck = hold(say('un deux trois'), { afterChunks: 2 });
  env.model.script('handed-over', stuck.reply, say('A second answer.'));
  runs.handedOver = await createRun(env, 'handed-over');
  await (await follow(env, runs.handedOver)).saw('thread.message.delta', 2);
  await reader.saw('thread.message.delta', 2);

  // The first attempt outlasts the time that the worker is given, and the second one does not wait any more.
  const until = Date.now() / 1_000 + CELL_SECONDS;
  runs.inCell = await chat.mark(
    'import subprocess, time',
    `subprocess.run(["sleep", str(max(0, ${until} - time.time()))])`,
  );
  await eventually(async () => {
    const found = (await descendants(worker.pid)).map(({ command }) => command);
    expect(found.join()).toContain('sleep');
  });

  worker.signal('SIGTERM');
  await env.startWorker({ direct: true, sandbox: true });
  // A Temporal that does not answer must not keep the API from stopping.
  env.proxies.apiToTemporal.hold('requests');
  env.model.script('unstarted', say('Started after all.'));
  runs.unstarted = await createRun(env, 'unstarted');
  const asked = performance.now();
  api.signal('SIGTERM');
  apiExit = await api.exited;
  apiSeconds = (performance.now() - asked) / 1_000;
  env.proxies.apiToTemporal.resume();

  answer.release();
  await env.startApi();
  workerExit = await worker.exited;
});
afterAll(() => env[Symbol.asyncDispose]());

test('lets a stopping worker finish an answer', async () => {
  await expectSettled(env, runs.finished, { answer: 'one two three four', turns: 1 });
  expect(workerExit).toEqual({ code: 0, signal: null });
});

test('hands an answer that takes too long to another worker', async () => {
  await expectSettled(env, runs.handedOver, {
    answer: 'A second answer.',
    cutOff: ['un deux'],
    turns: 1,
    modelCalls: 2,
    lost: [7, 2],
  });
});

test('hands a cell that takes too long to another worker, and it has its effect once', async () => {
  await chat.settled(runs.inCell);
  expect(await chat.tell()).toEqual({ count: 3, marks: 3 });
});

test('ends a stream of a stopping API cleanly, and resumes it with exactly what was missed', async () => {
  expect(await reader.finished).toBe('ended');
  const rest = await readToDone(await eventsOf(env, runs.finished, reader.lastId));
  assertLegalStream(rest, { after: reader.lastId, ends: 'end' });
  const all = await readToDone(await eventsOf(env, runs.finished));
  expect([...reader.events, ...rest]).toEqual(all);
});

test('stops the API within 15 seconds while Temporal does not answer', async () => {
  expect(apiExit).toEqual({ code: 0, signal: null });
  expect(apiSeconds).toBeLessThan(15);
  await expectSettled(env, runs.unstarted, { answer: 'Started after all.', turns: 1 });
});
