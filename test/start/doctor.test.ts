import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { report } from '../../bin/doctor/report.ts';
import { commandLine } from '../../embedded/processes.ts';
import { startFakeEmbeddings } from '../support/fake-embeddings.ts';
import { ROOT, runToEnd } from './support.ts';

async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'threadmill-doctor-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function doctor(env: Record<string, string> = {}, args: string[] = []) {
  const settings = { PORT: '0', THREADMILL_DATA_DIR: await temporaryDirectory(), ...env };
  return runToEnd('bin/doctor.mjs', args, { env: settings });
}

/** Of this computer's own loopback; answers every request with `status`. */
async function httpServer(status: number): Promise<number> {
  return listening(createServer((_, response) => response.writeHead(status).end()));
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('finds everything that npm start needs, and what the sandbox holds', async () => {
  const { code, stdout, stderr } = await doctor();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^ {2}ok {4}Node +v\d+\./m);
  expect(stdout).toMatch(/^ {2}ok {4}Temporal +(\d+\.\d+|not built yet)/m);
  expect(stdout).toMatch(/^ {2}ok {4}Database +embedded PostgreSQL \d+/m);
  expect(stdout).toMatch(/^ {2}ok {4}Sandbox +\S+, Python 3\.\d+/m);
  expect(stdout).toContain('Tested: the code ');
  expect(stdout).toMatch(/^ {2}(ok|note) +Packages +numpy \d/m);
  expect(stdout).toMatch(/^ {2}note {2}Model +the built-in demo model, NOT an LLM$/m);
  expect(stdout).toMatch(/^ {2}note {2}Embeddings +semantic search off: no embeddings endpoint/m);
  expect(stdout).toContain('\nnpm start will work.\n');
});

test('asks the embeddings endpoint for a vector', async () => {
  await using embeddings = await startFakeEmbeddings();
  const { stdout } = await doctor({ EMBEDDINGS_BASE_URL: embeddings.baseUrl, SANDBOX: 'none' });
  expect(stdout).toMatch(
    /^ {2}ok {4}Embeddings +semantic search on: text-embedding-3-large, 256 dimensions at http.* answers with 256 numbers$/m,
  );
});

test('shows no key and no password', async () => {
  const port = await httpServer(401);
  const { code, stdout, stderr } = await doctor({
    MODEL_BASE_URL: `http://127.0.0.1:${port}/v1`,
    MODEL_API_KEY: 'sk-hidden',
    THREADMILL_API_KEY: 'sk-hidden',
    DATABASE_URL: 'postgres://hidden:hidden@127.0.0.1:9/hidden',
    SANDBOX: 'none',
  });
  expect(code).toBe(1);
  expect(stdout + stderr).not.toContain('hidden');
  const model = `http://127.0.0.1:${port}/v1 refuses the key: it says 401 (a key is set)`;
  expect(stdout).toContain(`FAIL  Model       ${model}\n${' '.repeat(20)}→ set MODEL_API_KEY to`);
  expect(stdout).toMatch(/STOP {2}Database +DATABASE_URL cannot be used \(.*ECONNREFUSED/);
  expect(stdout).toContain('npm start will not work until this is put right: Database.');
});

test('looks at the models of MODELS_FILE', async () => {
  const port = await httpServer(404);
  const closed = await closedPort();
  const path = join(await temporaryDirectory(), 'models.json');
  const base_url = `http://127.0.0.1:${port}/v1`;
  const models = [
    { id: 'a', base_url },
    { id: 'b', base_url, api_key_env: 'KEY_OF_B' },
    { id: 'c', base_url: `http://127.0.0.1:${closed}/v1` },
    { id: 'd' },
    { id: 'e', base_url },
  ];
  await writeFile(path, JSON.stringify({ models }));
  const { code, stdout } = await doctor({ MODELS_FILE: path, SANDBOX: 'none' });
  expect(code).toBe(1);
  const refused = `connect ECONNREFUSED 127.0.0.1:${closed}`;
  const wrong = [
    'b: KEY_OF_B is not set',
    `c at http://127.0.0.1:${closed}/v1 does not answer: ${refused} (no key)`,
    'd has no server',
  ];
  expect(stdout.match(/(?<=Model +)\S.*/g)).toEqual([
    `a, e at ${base_url} answers (no key)`,
    ...wrong,
  ]);
  expect(stdout).toContain(`\nnpm start will start, but runs will fail: ${wrong.join('; ')}.\n`);
  expect(stdout).not.toContain('npm start will work');
});

test.each([
  [200, 'ok', 'answers'],
  [301, 'FAIL', 'redirects: give the URL where that leads'],
  [403, 'FAIL', 'refuses the key: it says 403'],
  [404, 'ok', 'answers'],
  [503, 'FAIL', 'is not ready: it says 503'],
])('a model server that says %d to a request for its models: %s', async (status, mark, says) => {
  const url = `http://127.0.0.1:${await httpServer(status)}/v1`;
  const { code, stdout } = await doctor({ MODEL_BASE_URL: url, SANDBOX: 'none' });
  expect(stdout).toMatch(new RegExp(`^ {2}${mark} +Model +${url} ${says} \\(no key\\)$`, 'm'));
  expect(code).toBe(mark === 'ok' ? 0 : 1);
});

test('a model server that never answers is waited for in vain, and not for long', async () => {
  const silent = createServer(() => {});
  const port = await listening(silent);
  const { code, stdout } = await doctor({
    MODEL_BASE_URL: `http://127.0.0.1:${port}/v1`,
    SANDBOX: 'none',
  });
  expect(code).toBe(1);
  expect(stdout).toContain(`${port}/v1 does not answer: nothing in 5 s (no key)`);
});

test('names what would stop npm start, and the remedy', async () => {
  const port = await httpServer(200);
  const file = join(await temporaryDirectory(), 'file');
  await writeFile(file, '');
  const { code, stdout } = await doctor({
    PATH: '/nonexistent',
    XDG_CACHE_HOME: '/nonexistent',
    PORT: String(port),
    THREADMILL_DATA_DIR: file,
    SANDBOX: 'none',
  });
  expect(code).toBe(1);
  expect(stdout).toMatch(/STOP {2}Temporal +no temporal program .* no Go to build one\n +→ /);
  expect(stdout).toMatch(/STOP {2}Data +\S+\/file is not a writable directory\n +→ correct/);
  expect(stdout).toMatch(/STOP {2}Port +\d+ on 127\.0\.0\.1 is in use .*\n +→ choose/);
  expect(stdout).toMatch(/note {2}Sandbox +none \(SANDBOX=none\): runs that use code_interpreter/);
  expect(stdout).toContain('until this is put right: Temporal, Data, Port.');
});

test('a Threadmill that runs is no obstacle', async () => {
  const port = await httpServer(200);
  const dataDir = await temporaryDirectory();
  const holder = { pid: process.pid, command: await commandLine(process.pid) };
  await writeFile(join(dataDir, 'lock'), JSON.stringify(holder));
  const env = { THREADMILL_DATA_DIR: dataDir, PORT: String(port), SANDBOX: 'none' };
  const { code, stdout } = await doctor(env);
  expect(code).toBe(0);
  expect(stdout).toContain(`in use: Threadmill runs (process ${process.pid})`);
  expect(stdout).toMatch(/ok {4}Port +\d+ on 127\.0\.0\.1 is in use while Threadmill runs/);
});

test.each([
  [{ PORT: 'many' }, [], 'STOP  Settings    PORT must be a whole number'],
  [
    { MODEL_BASE_URL: 'http://me:secret@127.0.0.1/v1' },
    [],
    'STOP  Settings    MODEL_BASE_URL must be a URL without user, password, query and fragment.',
  ],
  [{}, ['--prot', '1'], "STOP  Settings    Unknown option '--prot'"],
])('a wrong setting is one sentence: %j %j', async (env, args, sentence) => {
  const { code, stdout } = await doctor(env, args);
  expect(code).toBe(1);
  expect(stdout).toContain(sentence);
});

test('says how to get the packages when there are none', async () => {
  const checkout = await temporaryDirectory();
  await mkdir(join(checkout, 'bin'));
  for (const name of [
    'bin/doctor.mjs',
    'bin/end-with-parent.mjs',
    'bin/install.mjs',
    'bin/node-version.mjs',
    'bin/with-node.mjs',
  ]) {
    await cp(join(ROOT, name), join(checkout, name));
  }
  await cp(join(ROOT, 'package-lock.json'), join(checkout, 'package-lock.json'));
  const { code, stderr } = await runToEnd(join(checkout, 'bin/doctor.mjs'));
  expect(code).toBe(1);
  expect(stderr).toMatch(/^\d+ packages are missing: .* npm install --ignore-scripts\./);
});

test('breaks long lines, but never a command', () => {
  const remedy = `apt-get install ${'python3-numpy '.repeat(12)}`.trim();
  const printed = report([
    { part: 'Sandbox', state: 'note', says: 'none', details: ['word '.repeat(40).trim()], remedy },
  ]);
  const lines = printed.split('\n').filter((line) => /^ {20}/.test(line));
  expect(lines.length).toBe(4);
  expect(lines.at(-1)!.trim()).toBe(`→ ${remedy}`);
});
