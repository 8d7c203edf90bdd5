import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { expect, onTestFinished, test, vi } from 'vitest';

import { exists, readJson } from '../../embedded/files.ts';
import { commandLine } from '../../embedded/processes.ts';
import { start } from './support.ts';
import type { Program } from './support.ts';

async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'threadmill-start-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

type Stack = Program & { banner: string; baseUrl: string; client: OpenAI };

async function startStack(dataDir: string, env: Record<string, string> = {}): Promise<Stack> {
  const program = start('bin/start.mjs', ['--port', '0', '--data-dir', dataDir], { env });
  const banner = await program.printed(/is ready[^]*curl/);
  console.log(`start to ready: ${/is ready \((.*)\)/.exec(banner)?.[1]}`);
  const baseUrl = /Base URL +(\S+)/.exec(banner)?.[1] ?? '';
  const apiKey = (await readFile(join(dataDir, 'api-key'), 'utf8')).trim();
  const client = new OpenAI({ baseURL: baseUrl, apiKey, maxRetries: 0 });
  return { ...program, banner, baseUrl, client };
}

async function serversOf(dataDir: string): Promise<{ postgres: number; temporal: number }> {
  const pidFile = await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8');
  const state = await readJson<{ pid: number }>(join(dataDir, 'temporal', 'server.json'));
  return { postgres: Number.parseInt(pidFile, 10), temporal: state?.pid ?? 0 };
}

/** Ends the stack as Ctrl-C does, and checks that nothing of it is left. */
async function stopStack(stack: Stack, dataDir: string): Promise<void> {
  const { postgres, temporal } = await serversOf(dataDir);
  // One Ctrl-C reaches the program from the terminal and from npm.
  stack.child.kill('SIGINT');
  stack.child.kill('SIGINT');
  expect(await stack.ended).toMatchObject({ code: 0, stderr: '' });
  await expectGone(dataDir, postgres, temporal);
}

async function expectGone(dataDir: string, ...pids: number[]): Promise<void> {
  expect(await Promise.all(pids.map(commandLine))).toEqual(pids.map(() => undefined));
  expect(await exists(join(dataDir, 'lock'))).toBe(false);
}

test(
  'a newcomer starts it, uses it, stops it, and finds everything again',
  { timeout: 180_000 },
  async () => {
    const dataDir = await temporaryDirectory();
    const secrets = { MODEL_API_KEY: 'sk-of-the-model', SECRET_OF_ANOTHER: 'hush-hush' };
    const first = await startStack(dataDir, { LOG_LEVEL: 'warn', ...secrets });
    const key = (await readFile(join(dataDir, 'api-key'), 'utf8')).trim();
    // In a row of its own, and in the link to the console.
    expect(first.banner.split(key)).toHaveLength(3);
    expect(first.banner).toMatch(new RegExp(`Console +http://[^ ]+/#key=${key}\n`));
    for (const pid of Object.values(await serversOf(dataDir))) {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
      for (const [name, value] of Object.entries(secrets)) {
        expect(environment).not.toContain(name);
        expect(environment).not.toContain(value);
      }
    }
    expect(first.banner).toMatch(/Temporal UI +http:\/\/127\.0\.0\.1:\d+/);
    expect(first.banner).toMatch(/Model +built-in demo, NOT an LLM/);
    expect(first.banner).not.toContain('!!');
    expect(first.banner).toMatch(/Sandbox +\S+/);
    expect((await stat(join(dataDir, 'api-key'))).mode & 0o777).toBe(0o600);
    expect((await fetch(first.baseUrl.replace(/v1$/, 'readyz'))).status).toBe(200);
    expect(await runCurlOf(first.banner)).toMatchObject({
      object: 'assistant',
      name: 'Math Tutor',
    });
    await stopStack(first, dataDir);

    const second = await startStack(dataDir, { LOG_LEVEL: 'warn' });
    const { data } = await second.client.beta.assistants.list();
    expect(data.map(({ name }) => name)).toEqual(['Math Tutor']);
    expect(second.banner).toContain(`API key      kept in ${join(dataDir, 'api-key')}\n`);
    expect(second.banner).not.toContain(key);
    await stopStack(second, dataDir);
  },
);

/** The line to try, pasted into a shell. */
async function runCurlOf(banner: string): Promise<unknown> {
  const line = /^ +(curl .*)$/m.exec(banner)?.[1] ?? '';
  const shell = spawn('sh', ['-c', `${line} --silent`]);
  let text = '';
  shell.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  await once(shell, 'close');
  return JSON.parse(text);
}

test(
  'starts again at once after it was killed, with new servers',
  { timeout: 180_000 },
  async () => {
    const dataDir = await temporaryDirectory();
    const first = await startStack(dataDir);
    const { postgres, temporal } = await serversOf(dataDir);
    await first.client.beta.assistants.create({ model: 'gpt-4o', name: 'kept' });
    const lock = await readJson<{ pid: number }>(join(dataDir, 'lock'));
    process.kill(lock?.pid ?? 0, 'SIGKILL');
    const second = await startStack(dataDir);
    expect(await Promise.all([postgres, temporal].map(commandLine))).toEqual([
      undefined,
      undefined,
    ]);
    const { data } = await second.client.beta.assistants.list();
    expect(data.map(({ name }) => name)).toEqual(['kept']);
    await stopStack(second, dataDir);
  },
);

test('two stacks run side by side', { timeout: 180_000 }, async () => {
  const dataDirs = [await temporaryDirectory(), await temporaryDirectory()] as const;
  const stacks = await Promise.all(dataDirs.map((dataDir) => startStack(dataDir)));
  const urls = stacks.map(({ banner }) => /Temporal UI +(\S+)/.exec(banner)?.[1]);
  expect(urls[0]).not.toBe(urls[1]);
  await Promise.all(stacks.map((stack, index) => stopStack(stack, dataDirs[index] ?? '')));
});

test('a second Ctrl-C does not wait for a run under way', { timeout: 180_000 }, async () => {
  const asked = Promise.withResolvers<void>();
  const silentModel = createServer(({ method }, response) => {
    if (method === 'POST') asked.resolve();
    else response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(silentModel, 'listening');
  onTestFinished(() => {
    silentModel.closeAllConnections();
    silentModel.close();
  });
  const dataDir = await temporaryDirectory();
  const { port } = silentModel.address() as AddressInfo;
  const stack = await startStack(dataDir, {
    MODEL_BASE_URL: `http://127.0.0.1:${port}/v1`,
    LOG_LEVEL: 'silent',
  });
  const { postgres, temporal } = await serversOf(dataDir);
  const assistant = await stack.client.beta.assistants.create({ model: 'gpt-4o' });
  const thread = { messages: [{ role: 'user' as const, content: 'Hello' }] };
  await stack.client.beta.threads.createAndRun({ assistant_id: assistant.id, thread });
  await asked.promise;

  stack.child.kill('SIGINT');
  await stack.printed(/Stopping/);
  // Repeats within a second count as the same Ctrl-C, so this one is repeated until it is heard. The lock is removed
  // last: a signal after that would end the launcher before it has passed on the exit code.
  await vi.waitFor(
    async () => {
      if (await exists(join(dataDir, 'lock'))) stack.child.kill('SIGINT');
      expect(stack.child.exitCode).toBe(130);
    },
    { timeout: 90_000, interval: 100 },
  );
  await stack.ended;
  await expectGone(dataDir, postgres, temporal);
});

test('says at once that the model server does not answer', { timeout: 180_000 }, async () => {
  const dataDir = await temporaryDirectory();
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  closed.close();
  const MODEL_BASE_URL = `http://127.0.0.1:${port}/v1`;
  const stack = await startStack(dataDir, { MODEL_BASE_URL, LOG_LEVEL: 'silent' });
  const [, warning] = /!! Model +(RUNS WILL FAIL: .*\n +→ .*)/.exec(stack.banner) ?? [];
  expect(warning?.replace(/\s+/g, ' ')).toBe(
    `RUNS WILL FAIL: ${MODEL_BASE_URL} does not answer: connect ECONNREFUSED 127.0.0.1:${port} (no key) ` +
      '→ start that server, or correct MODEL_BASE_URL',
  );
  expect((await fetch(stack.baseUrl.replace(/v1$/, 'readyz'))).status).toBe(200);
  await stopStack(stack, dataDir);
});

test('npm start prints the options', async () => {
  const { code, stdout } = await start('bin/start.mjs', ['--help']).ended;
  expect(code).toBe(0);
  expect(stdout).toContain('--temporal-ui-port');
});
