/** SIGKILL of a worker at every moment of a cell. Whoever goes on finds the state before the cell, or the one after it. */
import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RunRef } from '../support/durable-run.ts';
import { eventually } from '../support/durable-run.ts';
import { lock, storedResults, untilBlocked } from '../support/locks.ts';
import { InterpreterChat } from '../support/interpreter-chat.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';
import type { DescendantProcess } from '../support/processes.ts';
import { commandOf, descendants } from '../support/processes.ts';

/** Where each chat's cell was when its worker was killed. */
const MOMENTS = ['idle', 'waiting', 'running', 'writing', 'stored'] as const;
type Moment = (typeof MOMENTS)[number];

let env: ProcessEnvironment;
const chats = {} as Record<Moment, InterpreterChat>;
const runs = {} as Record<Exclude<Moment, 'idle'>, RunRef>;
const locks: Client[] = [];
let sandboxed: DescendantProcess[];

beforeAll(async () => {
  env = await ProcessEnvironment.start();
  await env.serveApi();
  const worker = await env.startWorker({ sandbox: true });
  for (const moment of MOMENTS) chats[moment] = await InterpreterChat.start(env, moment);

  // Each is kept from taking its Python, until the others have come as far.
  const [, writing, stored] = [
    await lockPython(chats.waiting),
    await lockPython(chats.writing),
    await lockPython(chats.stored),
  ];
  runs.waiting = await chats.waiting.mark();
  runs.writing = await chats.writing.mark('open("big", "wb").write(bytes(3_000_000))');
  runs.stored = await chats.stored.mark();
  await untilBlocked(env, 'insert into interpreters', 3);
  await hold('select id from runs where id = $1 for update', runs.writing.runId);
  runs.running = await chats.running.mark('import subprocess', 'subprocess.run(["sleep", "1.75"])');
  sandboxed = await eventually(async () => {
    const found = await descendants(worker.pid);
    expect(found.map(({ command }) => command)).toContain('sleep 1.75');
    return found;
  });
  env.proxies.workerToTemporal.hold('requests');
  await writing.query('commit');
  await stored.query('commit');
  await untilBlocked(env, 'project_id = coalesce($3, project_id) for update', 1);
  await eventually(async () => expect(await storedResults(env, runs.stored)).toBe(1));
  await worker.kill();

  await Promise.all(locks.map((client) => client.end()));
  env.proxies.workerToTemporal.cut();
  env.proxies.workerToTemporal.resume();
  await env.startWorker({ sandbox: true });
});
afterAll(() => env[Symbol.asyncDispose]());

async function hold(statement: string, id: string): Promise<Client> {
  const client = await lock(env, statement, [id]);
  locks.push(client);
  return client;
}

const lockPython = ({ threadId }: InterpreterChat) =>
  hold('select thread_id from interpreters where thread_id = $1 for update', threadId);

test('no process of a sandbox is left', async () => {
  await eventually(async () => {
    const commands = await Promise.all(sandboxed.map(({ pid }) => commandOf(pid)));
    expect(commands.filter((command) => command !== '')).toEqual([]);
  });
});

test('between two runs: variables, functions and files are there', async () => {
  expect(await chats.idle.tell()).toEqual({ count: 2, marks: 2 });
});

test.each(['waiting', 'running', 'writing', 'stored'] as const)(
  'while a cell is %s: it has its effect once',
  async (moment) => {
    await chats[moment].settled(runs[moment]);
    expect(await chats[moment].tell()).toEqual({ count: 3, marks: 3 });
  },
);
