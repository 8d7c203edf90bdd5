/** Two workers and one thread's Python: a cell whose worker stood still, and the calls of one turn on both. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { eventually } from '../support/durable-run.ts';
import { InterpreterChat } from '../support/interpreter-chat.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';
import { descendants } from '../support/processes.ts';

let env: ProcessEnvironment;
beforeAll(async () => {
  env = await ProcessEnvironment.start();
  await env.serveApi();
});
afterAll(() => env[Symbol.asyncDispose]());

test('a worker that stood still while another ran its cell stores nothing of it', async () => {
  const zombie = await env.startWorker({ sandbox: true });
  const chat = await InterpreterChat.start(env, 'frozen');
  const ref = await chat.mark('import subprocess', 'subprocess.run(["sleep", "2.25"])');
  const asleep = async () => (await descendants(zombie.pid)).map(({ command }) => command);
  await eventually(async () => expect(await asleep()).toContain('sleep 2.25'));
  zombie.signal('SIGSTOP');
  env.proxies.workerToTemporal.refuse();
  const other = await env.startWorker({ direct: true, sandbox: true });
  await chat.settled(ref);
  const gaveUp = env.proxies.workerToDatabase.saw('interpreters.release');
  zombie.signal('SIGCONT');
  await gaveUp;
  expect(await chat.tell()).toEqual({ count: 3, marks: 3 });
  await zombie.kill();
  await other.kill();
  env.proxies.workerToTemporal.accept();
});

test('the calls of one turn run in their order on two workers', async () => {
  const workers = [
    await env.startWorker({ sandbox: true, slots: 2 }),
    await env.startWorker({ sandbox: true, slots: 2 }),
  ];
  const chat = await InterpreterChat.start(env, 'parallel');
  const cells = ['a', 'b', 'c', 'd'].map((name) => [
    `open("order", "a").write("${name}")`,
    `order = globals().get("order", "") + "${name}"`,
    'print(order, open("order").read())',
  ]);
  const ref = await chat.run(...cells);
  await chat.settled(ref);
  expect(await chat.logs(ref)).toEqual(['a a\n', 'ab ab\n', 'abc abc\n', 'abcd abcd\n']);
  expect(await chat.tell()).toEqual({ count: 2, marks: 2 });
  for (const worker of workers) await worker.kill();
});

test('calls that wait for an earlier one make room for it when their workers have no more', async () => {
  const workers = [
    await env.startWorker({ sandbox: true, slots: 1 }),
    await env.startWorker({ sandbox: true, slots: 1 }),
  ];
  const chat = await InterpreterChat.start(env, 'crowded');
  const cells = ['a', 'b', 'c', 'd', 'e'].map((name) => [
    `order = globals().get("order", "") + "${name}"`,
    'print(order)',
  ]);
  const ref = await chat.run(...cells);
  await chat.settled(ref);
  expect(await chat.logs(ref)).toEqual(['a\n', 'ab\n', 'abc\n', 'abcd\n', 'abcde\n']);
  for (const worker of workers) await worker.kill();
});
