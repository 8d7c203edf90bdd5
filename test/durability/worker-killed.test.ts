/** SIGKILL of a worker that has runs at many moments of their lives at once. What happens next is another worker's. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RunRef, StreamReader } from '../support/durable-run.ts';
import {
  callLookup,
  createRun,
  eventually,
  expectSettled,
  follow,
  LOOKUP,
  say,
  submitOutputs,
  untilStatus,
  USAGE,
} from '../support/durable-run.ts';
import { hold, toolCalls } from '../support/fake-model.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';
import type { DescendantProcess } from '../support/processes.ts';
import { commandOf, descendants } from '../support/processes.ts';

let env: ProcessEnvironment;
const runs = {} as Record<'halfTold' | 'silent' | 'inCell' | 'parked' | 'queued', RunRef>;
const readers = {} as Record<'halfTold' | 'silent' | 'inCell', StreamReader>;
let sandboxed: DescendantProcess[];
let submittedStatus: string;

beforeAll(async () => {
  env = await ProcessEnvironment.start();
  await env.serveApi();
  const worker = await env.startWorker({ sandbox: true });

  const half = hold(say('one two three four'), { afterChunks: 2 });
  env.model.script('half-told', half.reply, say('A second answer.'));
  runs.halfTold = await createRun(env, 'half-told');
  readers.halfTold = await follow(env, runs.halfTold);

  const mute = hold(say('Never sent.'), { afterChunks: 0 });
  env.model.script('silent', mute.reply, say('Told at once.'));
  runs.silent = await createRun(env, 'silent');
  readers.silent = await follow(env, runs.silent);

  env.model.script('parked', callLookup(), say('Found it.'));
  runs.parked = await createRun(env, 'parked', [LOOKUP]);

  const code = 'import subprocess\nprint("begun")\nsubprocess.run(["sleep", "3.25"])\nprint(6 * 7)';
  const cell = toolCalls([{ name: 'code_interpreter', arguments: { code } }], { usage: USAGE });
  env.model.script('cell', cell, say('It is 42.'));

  await mute.reached;
  await readers.halfTold.saw('thread.message.delta', 2);
  await untilStatus(env, runs.parked, 'requires_action');
  runs.inCell = await createRun(env, 'cell', [{ type: 'code_interpreter' }]);
  readers.inCell = await follow(env, runs.inCell);
  sandboxed = await eventually(async () => {
    const found = await descendants(worker.pid);
    expect(found.map(({ command }) => command)).toContain('sleep 3.25');
    expect(logsOf(readers.inCell.events)).toEqual(['begun\n']);
    return found;
  });
  await worker.kill();

  env.model.script('queued', say('At last.'));
  runs.queued = await createRun(env, 'queued');
  await untilStatus(env, runs.queued, 'queued');
  submittedStatus = (await submitOutputs(env, runs.parked)).status;
  await env.startWorker({ sandbox: true });
});
afterAll(() => env[Symbol.asyncDispose]());

test('closes a half-told answer and tells a new one', async () => {
  expect(await readers.halfTold.finished).toBe('done');
  const events = await expectSettled(env, runs.halfTold, {
    answer: 'A second answer.',
    cutOff: ['one two'],
    turns: 1,
    modelCalls: 2,
  });
  expect(readers.halfTold.events).toEqual(events);
});

test('asks the model again when no token had come, and readers notice nothing', async () => {
  expect(await readers.silent.finished).toBe('done');
  const events = await expectSettled(env, runs.silent, {
    answer: 'Told at once.',
    turns: 1,
    modelCalls: 2,
  });
  expect(readers.silent.events).toEqual(events);
});

test('ends the sandbox of a dead worker with it', async () => {
  await eventually(async () => {
    const commands = await Promise.all(sandboxed.map(({ pid }) => commandOf(pid)));
    expect(commands.filter((command) => command !== '')).toEqual([]);
  });
});

test('runs the cell again that was under way, and shows and stores its output once', async () => {
  expect(await readers.inCell.finished).toBe('done');
  const events = await expectSettled(env, runs.inCell, { answer: 'It is 42.', turns: 2 });
  expect(readers.inCell.events).toEqual(events);
  expect(logsOf(events)).toEqual(['begun\n', '42\n', 'begun\n42\n']);
});

/** Logs in the order in which readers saw them: those of deltas, and of the whole step. */
function logsOf(events: { data: unknown }[]): string[] {
  return events.flatMap(({ data }) =>
    [...JSON.stringify(data).matchAll(/"logs":("[^"]*")/g)].map(([, logs]) =>
      String(JSON.parse(logs!)),
    ),
  );
}

test('accepts tool outputs while no worker is up, and goes on when one comes', async () => {
  expect(submittedStatus).toBe('queued');
  await expectSettled(env, runs.parked, { answer: 'Found it.', turns: 2 });
});

test('keeps a run queued while no worker is up', async () => {
  await expectSettled(env, runs.queued, { answer: 'At last.', turns: 1 });
});
