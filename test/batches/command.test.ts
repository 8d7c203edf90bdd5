/** npm run batch, as a teacher's scripts run it, against a real API. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { runToEnd, start } from '../start/support.ts';
import { callLookup, eventually, LOOKUP } from '../support/durable-run.ts';
import { Environment } from '../support/environment.ts';
import { status, text } from '../support/fake-model.ts';
import type { Reply } from '../support/fake-model.ts';
import { questions, submit, untilStatus } from './support.ts';

const PATIENCE = { timeout: 120_000 };

let env: Environment;
let folder: string;
beforeAll(async () => {
  env = await Environment.start();
  folder = await mkdtemp(join(tmpdir(), 'threadmill-batch-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await env[Symbol.asyncDispose]();
});

const server = () => ({ OPENAI_BASE_URL: `${env.api.url}/v1`, OPENAI_API_KEY: env.apiKey });
const path = (name: string) => join(folder, name);

function batch(args: string[], variables: Record<string, string> = server()) {
  return runToEnd('bin/with-node.mjs', ['bin/batch.ts', ...args], { env: variables });
}

/** Questions to an assistant whose model gives these replies. */
async function lines(replies: Reply[], tools: (typeof LOOKUP)[] = []) {
  const model = `m-${randomUUID()}`;
  env.model.script(model, ...replies);
  const { id } = await env.client.beta.assistants.create({ model, tools });
  return questions(
    id,
    replies.map((_, index) => `Question ${index}`),
  );
}

async function inputFile(content: (object | string)[]): Promise<string> {
  const file = path(`${randomUUID()}.jsonl`);
  const rows = content.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
  await writeFile(file, `${rows.join('\n')}\n`);
  return file;
}

const contentOf = async (fileId: string | null | undefined) =>
  (await env.client.files.content(fileId!)).text();

test('submits a file, watches it to its end and fetches the results', PATIENCE, async () => {
  const input = await inputFile(await lines([text('One.'), text('Two.'), text('Three.')]));
  const { code, stdout, stderr } = await batch(['submit', input, '--window', '7d', '--watch']);
  const id = stdout.trim();
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${id}\n` });
  expect(stderr.trimEnd().split('\n').at(-1)).toBe(`${id} completed: 3/3 lines, 0 failed`);
  const made = await env.client.batches.retrieve(id);
  expect(made).toMatchObject({ completion_window: '7d', endpoint: '/v1/threads/runs' });

  const [output, errors] = [path('out.jsonl'), path('err.jsonl')];
  expect(await batch(['fetch', id, '--output', output, '--errors', errors])).toEqual({
    code: 0,
    stdout: `${output}\n`,
    stderr: '',
  });
  expect(await readFile(output, 'utf8')).toBe(await contentOf(made.output_file_id));
  await expect(access(errors), 'no line failed').rejects.toThrow('ENOENT');
});

test(
  'a line that failed makes the exit code 2, and is in the file of errors',
  PATIENCE,
  async () => {
    const refusal = status(400, { body: { error: { message: 'No.', code: null } } });
    const [[good], [bad]] = [await lines([text('Yes.')]), await lines([refusal])];
    const input = await inputFile([good!, { ...bad!, custom_id: 'bad' }]);
    const { code, stdout, stderr } = await batch(['submit', input, '--watch']);
    expect(code).toBe(2);
    expect(stderr).toContain('completed: 2/2 lines, 1 failed');
    const [output, errors] = [path('two-out.jsonl'), path('two-err.jsonl')];
    await batch(['fetch', stdout.trim(), '--output', output, '--errors', errors]);
    expect(JSON.parse(await readFile(errors, 'utf8'))).toMatchObject({ custom_id: 'bad' });
  },
);

test(
  'a file that is refused makes the exit code 3, and its lines are named',
  PATIENCE,
  async () => {
    const [good] = await lines([text('Yes.')]);
    const input = await inputFile([good!, '{', good!]);
    const { code, stdout, stderr } = await batch(['submit', input, '--watch']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^line 2: invalid_json_line: .+$/m);
    expect(stderr).toMatch(/^line 3: duplicate_custom_id: .+$/m);
    const fetched = await batch(['fetch', stdout.trim()]);
    expect(fetched.code).toBe(1);
    expect(fetched.stderr).toContain(`${stdout.trim()} is failed and has no files.\n`);
  },
);

test(
  'steers a batch: pauses, resumes and cancels it, while watching says so',
  PATIENCE,
  async () => {
    const { id } = await submit(env.client, await lines([callLookup()], [LOOKUP]));
    await eventually(async () => {
      const response = await env.fetch(`/v1/batches/${id}/requires_action`);
      expect(((await response.json()) as { data: object[] }).data).toHaveLength(1);
    });
    expect(await batch(['pause', id])).toMatchObject({ code: 0, stdout: `Paused ${id}.\n` });
    const watching = start('bin/with-node.mjs', ['bin/batch.ts', 'watch', id], { env: server() });
    const [said] = await once(watching.child.stderr!, 'data');
    expect(said).toBe(
      `${id} in_progress (paused: requested): 0/1 lines, 0 failed, 1 in requires_action\n`,
    );
    const early = await batch(['fetch', id]);
    expect(early).toMatchObject({ code: 1, stdout: '' });
    expect(early.stderr).toContain(`${id} is in_progress, and its files come with its end`);
    expect(await batch(['resume', id])).toMatchObject({ code: 0, stdout: `Resumed ${id}.\n` });
    expect(await env.client.batches.retrieve(id)).toMatchObject({
      'x-threadmill': { paused: false },
    });
    expect(await batch(['cancel', id])).toMatchObject({ code: 0, stderr: '' });
    const { code, stderr } = await watching.ended;
    expect(code).toBe(3);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/ cancelled: \d\/1 lines, \d failed$/);
  },
);

/** In front of the API. It cuts the first download in its middle, and notes how many bytes each later one has. */
async function cuttingProxy(): Promise<{ url: string; downloads: number[] }> {
  const downloads: number[] = [];
  let cuts = 0;
  const answer = async ({ url = '', headers }: IncomingMessage, response: ServerResponse) => {
    const { range } = headers;
    const given = await env.fetch(url, range === undefined ? {} : { headers: { range } });
    const bytes = Buffer.from(await given.arrayBuffer());
    const isCut = url.endsWith('/content') && cuts++ === 0;
    if (url.endsWith('/content') && !isCut) downloads.push(bytes.length);
    const passed = ['content-type', 'content-length', 'content-range', 'etag'];
    const fields = passed.flatMap((name) => {
      const value = given.headers.get(name);
      return value === null ? [] : [name, value];
    });
    response.writeHead(given.status, fields);
    if (isCut) response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
    else response.end(bytes);
  };
  const proxy = createServer((request, response) => void answer(request, response));
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void proxy.close());
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/v1`;
  return { url, downloads };
}

test(
  'a download that is cut leaves no half file, and fetching again gets the rest',
  PATIENCE,
  async () => {
    const { id } = await submit(env.client, await lines([text('One.'), text('Two.')]));
    const { output_file_id } = await untilStatus(env.client, id, 'completed');
    const output = path('cut.jsonl');
    const proxy = await cuttingProxy();
    const variables = { ...server(), OPENAI_BASE_URL: proxy.url };
    const cut = await batch(['fetch', id, '--output', output], variables);
    expect(cut).toMatchObject({ code: 1, stdout: '' });
    expect(cut.stderr).toMatch(/^.+ could not be downloaded whole \(.+\): fetch it again\.\n$/);
    await expect(access(output)).rejects.toThrow('ENOENT');
    const { size } = await stat(`${output}.part`);

    const again = await batch(['fetch', id, '--output', output], variables);
    expect(again).toEqual({ code: 0, stdout: `${output}\n`, stderr: '' });
    const content = await contentOf(output_file_id);
    expect(await readFile(output, 'utf8')).toBe(content);
    expect(proxy.downloads).toEqual([Buffer.byteLength(content) - size]);
    await expect(access(`${output}.part`)).rejects.toThrow('ENOENT');
  },
);

test('a part that is not of the file, or has all of it, is downloaded anew', PATIENCE, async () => {
  const { id } = await submit(env.client, await lines([text('One.')]));
  const { output_file_id } = await untilStatus(env.client, id, 'completed');
  const content = await contentOf(output_file_id);
  const output = path('part.jsonl');
  for (const part of ['of another file', content]) {
    await writeFile(`${output}.part`, part);
    expect(await batch(['fetch', id, '--output', output])).toMatchObject({ code: 0 });
    expect(await readFile(output, 'utf8')).toBe(content);
  }
});

test(
  'submits the same file again with --resume-from, and no line is run twice',
  PATIENCE,
  async () => {
    const input = await inputFile(await lines([text('One.'), text('Two.')]));
    const first = await batch(['submit', input, '--watch']);
    const again = ['submit', input, '--resume-from', first.stdout.trim(), '--watch'];
    const { code, stdout } = await batch(again);
    expect(code).toBe(0);
    expect(await env.client.batches.retrieve(stdout.trim())).toMatchObject({
      request_counts: { total: 2, completed: 2, failed: 0 },
      'x-threadmill': { resumed: 2 },
    });
  },
);

test('finds the server of npm start by its data directory', PATIENCE, async () => {
  await writeFile(path('api-key'), `${env.apiKey}\n`);
  const { port } = new URL(env.api.url);
  const { stderr } = await batch(['watch', 'batch_none', '--data-dir', folder], { PORT: port });
  expect(stderr).toMatch(/^The server refused this: .*'batch_none'.*\n$/);
});

const MISTAKES: [string, string[], Record<string, string>, RegExp][] = [
  ['another command', ['send', 'x'], {}, /^Expected submit <file>, or watch, /],
  ['a second file', ['submit', 'a', 'b'], {}, /^Expected submit <file>, or watch, /],
  ['an unknown option', ['watch', 'x', '--slow'], {}, /^Unknown option '--slow'/],
  [
    'one file for results and errors',
    ['fetch', 'x', '--output', 'a', '--errors', './a'],
    {},
    /^--output and --errors name one file/,
  ],
  [
    'a file that is not there',
    ['submit', 'none.jsonl'],
    {},
    /^none\.jsonl cannot be read \(.+\)\.$/,
  ],
  ['no server', ['watch', 'x'], { OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' }, /does not answer \(/],
  ['no key', ['watch', 'x'], { OPENAI_API_KEY: '' }, /^Set OPENAI_API_KEY to a key /],
];

test.each(MISTAKES)('%s gets one sentence and exit code 1', PATIENCE, async (...mistake) => {
  const [, args, variables, sentence] = mistake;
  const { code, stdout, stderr } = await batch(args, { ...server(), ...variables });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^[^\n]+\n$/);
  expect(stderr.trimEnd()).toMatch(sentence);
});
