import { afterEach, expect, test } from 'vitest';

import { loadConfig } from '../../config/config.ts';
import { Environment } from '../support/environment.ts';
import { text } from '../support/fake-model.ts';
import { setUp } from '../support/runs.ts';

const ORIGIN = 'https://app.example.com';
const OTHER = 'http://localhost:3000';

let env: Environment;
async function start(corsOrigins: string[], worker = false): Promise<void> {
  env = await Environment.start({ worker, config: { corsOrigins, bodyLimitBytes: 1_000 } });
}
afterEach(async () => {
  await env[Symbol.asyncDispose]();
});

/** What a browser sends before a request of another origin: no key, and nothing of the request but its names. */
function preflight(path: string, origin = ORIGIN): Promise<Response> {
  return fetch(`${env.api.url}${path}`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,openai-beta,x-stainless-os',
    },
  });
}

test('says nothing to browsers unless it is set to', async () => {
  await start([]);
  expect((await preflight('/v1/assistants')).status).toBe(401);
  const { headers } = await env.fetch('/v1/assistants', { headers: { origin: ORIGIN } });
  expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
});

test('answers preflights of the listed origins without a key', async () => {
  await start([ORIGIN, OTHER]);
  for (const path of ['/v1/assistants', '/v1/files', '/openai/threads?api-version=1']) {
    const { status, headers } = await preflight(path, OTHER);
    expect(status).toBe(204);
    expect(Object.fromEntries(headers)).toMatchObject({
      'access-control-allow-origin': OTHER,
      'access-control-allow-methods': 'GET,HEAD,POST,DELETE',
      'access-control-allow-headers': 'authorization,content-type,openai-beta,x-stainless-os',
      'access-control-max-age': '7200',
      vary: expect.stringMatching(/^origin\b/i),
    });
  }
  const stranger = await preflight('/v1/assistants', 'https://app.example.com.evil.test');
  expect(stranger.headers.get('access-control-allow-origin')).toBeNull();
  expect(stranger.headers.get('vary')).toMatch(/^origin\b/i);
});

test('marks answers, refusals and what is not found, and lets pages read their headers', async () => {
  await start([ORIGIN]);
  const send = (path: string, headers: Record<string, string> = {}, body?: string) => {
    const method = body === undefined ? 'GET' : 'POST';
    return env.fetch(path, { method, body, headers: { origin: ORIGIN, ...headers } });
  };
  const answers = await Promise.all([
    send('/v1/models'),
    send('/v1/assistants', { authorization: 'Bearer sk-wrong' }),
    send('/v1/assistants/asst_nobody'),
    send('/v1/threads', {}, JSON.stringify({ x: 'x'.repeat(2_000) })),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([200, 401, 404, 413]);
  for (const { headers } of answers) {
    expect(headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(headers.get('access-control-allow-credentials')).toBeNull();
    expect(headers.get('vary')).toMatch(/\borigin\b/i);
    expect(headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    const exposed = headers.get('access-control-expose-headers')?.split(',');
    expect(exposed).toEqual(
      expect.arrayContaining(['x-request-id', 'openai-poll-after-ms', 'retry-after']),
    );
  }
  const unlisted = await env.fetch('/v1/models', { headers: { origin: OTHER } });
  expect(unlisted.headers.get('access-control-allow-origin')).toBeNull();
  expect(unlisted.headers.get('vary')).toMatch(/\borigin\b/i);
});

test('marks streams, and with * every origin', async () => {
  await start(['*'], true);
  expect((await preflight('/v1/threads')).headers.get('access-control-allow-origin')).toBe('*');
  const { assistant, threadId } = await setUp(env, [text('Hello.')]);
  const stream = await env.fetch(`/v1/threads/${threadId}/runs`, {
    method: 'POST',
    headers: { origin: OTHER },
    body: JSON.stringify({ assistant_id: assistant.id, stream: true }),
  });
  expect(stream.headers.get('access-control-allow-origin')).toBe('*');
  expect(await stream.text()).toContain('event: done');
});

test('takes origins as browsers send them, and nothing else', async () => {
  await start([]);
  const read = (value: string) => loadConfig({ CORS_ORIGINS: value }).corsOrigins;
  expect(read('')).toEqual([]);
  expect(read('*')).toEqual(['*']);
  expect(read(' https://App.example.com/, capacitor://localhost,http://[::1]:3000')).toEqual([
    'https://app.example.com',
    'capacitor://localhost',
    'http://[::1]:3000',
  ]);
  for (const wrong of [
    'app.example.com',
    'https://a.example/path',
    'https://*.example.com',
    'null',
  ]) {
    expect(() => read(wrong), wrong).toThrow(`CORS_ORIGINS must be * or a list`);
  }
});
