/** Temporal behind TLS, with a certificate authority of its own, client certificates and a key: as Temporal Cloud. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

import { temporal } from '../../bin/doctor/servers.ts';
import { checkGivenServers } from '../../bin/serve/given-servers.ts';
import { loadConfig } from '../../config/config.ts';
import { createRun, eventually, expectSettled, say } from '../support/durable-run.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';
import type { TlsProxy } from '../support/tls-proxy.ts';
import { startTlsProxy } from '../support/tls-proxy.ts';
import { ROOT } from './compose-file.ts';

const KEY = 'the-key-of-the-namespace';
/** The certificate names a host, and the address is an IP address. */
const NAME = 'temporal.example';

let folder: string;
let proxy: TlsProxy;
let settings: Record<string, string>;
let env: ProcessEnvironment;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'threadmill-tls-'));
  const authority = await generate([{ name: 'commonName', value: 'An authority' }], {
    algorithm: 'sha256',
    extensions: [{ name: 'basicConstraints', cA: true, critical: true }],
  });
  const ca = { key: authority.private, cert: authority.cert };
  const signed = (name: string) =>
    generate([{ name: 'commonName', value: name }], { algorithm: 'sha256', ca });
  const [server, client] = await Promise.all([signed(NAME), signed('a worker')]);
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const target = inject('temporalAddress');
  proxy = await startTlsProxy({ target, server, clientsCa: authority.cert, apiKey: KEY });
  settings = {
    TEMPORAL_ADDRESS: `127.0.0.1:${proxy.port}`,
    TEMPORAL_API_KEY: KEY,
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('ca.pem', authority.cert),
    TEMPORAL_TLS_SERVER_NAME: NAME,
    TEMPORAL_TLS_CLIENT_CERT_PATH: file('client.pem', client.cert),
    TEMPORAL_TLS_CLIENT_KEY_PATH: file('client.key', client.private),
  };
  env = await ProcessEnvironment.start();
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

test('an API and a worker do a run, and each call shows the certificate, the key and the namespace', async () => {
  const [, worker] = await Promise.all([env.startApi(settings), env.startWorker({ settings })]);
  env.model.script('tls', say('Sealed.'));
  const run = await createRun(env, 'tls');
  await expectSettled(env, run, { answer: 'Sealed.', turns: 1 });
  await eventually(async () => expect(await health()).toContain(`${worker.pid}@`));
  const methods = new Set(proxy.callers.map(({ method }) => method));
  expect([...methods]).toEqual(
    expect.arrayContaining([
      'StartWorkflowExecution',
      'PollWorkflowTaskQueue',
      'RespondWorkflowTaskCompleted',
      'RespondActivityTaskCompleted',
      'DescribeTaskQueue',
    ]),
  );
  for (const caller of proxy.callers) {
    expect(caller).toMatchObject({ key: `Bearer ${KEY}`, name: 'a worker' });
    if (caller.method !== 'GetSystemInfo') expect(caller.namespace).toBe('default');
  }
});

async function health(): Promise<string> {
  const environment = { ...settings, TEMPORAL_TASK_QUEUE: env.taskQueue };
  const command = ['deploy/healthcheck.ts', 'worker'];
  return (await promisify(execFile)(process.execPath, command, { cwd: ROOT, env: environment }))
    .stdout;
}

const check = (changes: Record<string, string | undefined>) =>
  checkGivenServers(loadConfig({ ...settings, ...changes }));

describe('npm start and the doctor', () => {
  test('reach the server', async () => {
    await check({});
    expect(await temporal(loadConfig(settings))).toMatchObject({ state: 'ok' });
  });

  test.each([
    ['a wrong key', { TEMPORAL_API_KEY: 'other' }, /refuses us: correct TEMPORAL_API_KEY/],
    ['no key', { TEMPORAL_API_KEY: undefined }, /refuses us: correct TEMPORAL_API_KEY/],
    ['an unknown namespace', { TEMPORAL_NAMESPACE: 'other' }, /has no namespace 'other'/],
    [
      'an authority that is not known',
      { TEMPORAL_TLS_SERVER_CA_CERT_PATH: undefined },
      /No Temporal server answers .* \(.*certificate.*\)/,
    ],
    [
      'no client certificate',
      { TEMPORAL_TLS_CLIENT_CERT_PATH: undefined, TEMPORAL_TLS_CLIENT_KEY_PATH: undefined },
      /No Temporal server answers/,
    ],
    ['the wrong name', { TEMPORAL_TLS_SERVER_NAME: 'other.example' }, /No Temporal server answers/],
    ['no TLS', { TEMPORAL_TLS: 'false' }, /No Temporal server answers/],
  ])('say what is wrong with %s', async (_what, changes, message) => {
    await expect(check(changes)).rejects.toThrow(message);
  });
});

describe('settings', () => {
  const address = { TEMPORAL_ADDRESS: 'ns.a1b2c.tmprl.cloud:7233' };
  const security = (variables: Record<string, string>) =>
    loadConfig({ ...address, ...variables }).temporalSecurity;

  test('a key turns TLS on, and TEMPORAL_TLS decides when it is set', () => {
    expect(security({})).toEqual({});
    expect(security({ TEMPORAL_TLS: 'true' })).toEqual({ tls: {} });
    expect(security({ TEMPORAL_API_KEY: 'k' })).toEqual({ tls: {}, apiKey: 'k' });
    expect(security({ TEMPORAL_API_KEY: 'k', TEMPORAL_TLS: 'false' })).toEqual({ apiKey: 'k' });
  });

  test('count for no server of this computer', () => {
    expect(loadConfig({ TEMPORAL_API_KEY: 'k', TEMPORAL_TLS: 'true' }).temporalSecurity).toEqual(
      {},
    );
  });

  test('a certificate without its key, or a file that is not there, is refused', () => {
    const { TEMPORAL_TLS_CLIENT_CERT_PATH = '' } = settings;
    expect(() => security({ TEMPORAL_TLS_CLIENT_CERT_PATH })).toThrow('must be set together');
    expect(() => security({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: '/none.pem' })).toThrow(
      'TEMPORAL_TLS_SERVER_CA_CERT_PATH names a file that cannot be read',
    );
  });
});
