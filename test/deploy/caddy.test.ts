/** deploy/Caddyfile in a real Caddy before the real API. */
import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { freePort } from '../../embedded/ports.ts';
import { Environment } from '../support/environment.ts';
import { eventually } from '../support/durable-run.ts';
import { chunk, event, FakeUpstream } from '../support/fake-upstream.ts';
import { ROOT } from './compose-file.ts';

const hasCaddy = isInstalled();
// .ci/run installs it; a computer of a developer may do without.
const testWithCaddy = hasCaddy || process.env['CI'] !== undefined ? test : test.skip;

let env: Environment;
let upstream: FakeUpstream;
let folder: string;
let caddy: ChildProcess | undefined;
let client: OpenAI;

beforeAll(async () => {
  upstream = await FakeUpstream.start();
  env = await Environment.start({ worker: false, config: { modelBaseUrl: upstream.baseUrl } });
  folder = mkdtempSync(join(tmpdir(), 'threadmill-caddy-'));
  if (!hasCaddy) return;
  const address = `http://127.0.0.1:${await freePort()}`;
  caddy = spawn('caddy', ['run', '--config', 'deploy/Caddyfile', '--adapter', 'caddyfile'], {
    cwd: ROOT,
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      THREADMILL_DOMAIN: address,
      THREADMILL_API: `127.0.0.1:${env.api.port}`,
    },
  });
  client = new OpenAI({ baseURL: `${address}/v1`, apiKey: env.apiKey, maxRetries: 0 });
  await eventually(async () => expect((await fetch(`${address}/healthz`)).status).toBe(200));
});
afterAll(async () => {
  if (caddy !== undefined) {
    const ended = once(caddy, 'exit');
    caddy.kill();
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
  await env[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

testWithCaddy('Caddy passes on each event before the next one exists', async () => {
  const { promise: isRead, resolve: read } = Promise.withResolvers<void>();
  upstream.answer = async (_received, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(event(chunk('first')));
    await isRead;
    response.end(event(chunk('second')) + event('[DONE]'));
  };
  const seen: string[] = [];
  for await (const each of await ask()) {
    seen.push(each.choices[0]?.delta.content ?? '');
    read();
  }
  expect(seen.join(' ')).toBe('first second');
});

testWithCaddy('a client that leaves Caddy leaves the API too', async () => {
  upstream.answer = (_received, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(event(chunk('first')));
  };
  for await (const _each of await ask()) break;
  expect(await upstream.last.closed).toBe(true);
});

testWithCaddy('Caddy passes on an upload that is larger than its buffers', async () => {
  const content = new File([new Uint8Array(30_000_000).fill(97)], 'large.txt');
  const file = await client.files.create({ file: content, purpose: 'assistants' });
  expect(file.bytes).toBe(30_000_000);
});

function ask() {
  const messages = [{ role: 'user' as const, content: 'Hi' }];
  return client.chat.completions.create({ model: 'm', stream: true, messages });
}

function isInstalled(): boolean {
  try {
    execFileSync('caddy', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
