import { randomBytes, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type OpenAI from 'openai';
import { toFile } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { tidyFiles } from '../../db/maintenance.ts';
import { Environment } from '../support/environment.ts';
import { errorOf } from '../support/error-of.ts';
import { form } from '../support/forms.ts';

const MIB = 1024 * 1024;

let env: Environment;
let folder: string;
beforeAll(async () => {
  env = await Environment.start({ worker: false, config: { fileLimitBytes: 3 * MIB } });
  folder = await mkdtemp(join(tmpdir(), 'threadmill-files-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await env[Symbol.asyncDispose]();
});

type Purpose = OpenAI.Files.FileCreateParams['purpose'];

const create = async (content: string | Buffer, name = 'a.txt', purpose: Purpose = 'user_data') =>
  env.client.files.create({ file: await toFile(Buffer.from(content), name), purpose });

const download = async (id: string) =>
  Buffer.from(await (await env.client.files.content(id)).arrayBuffer());

async function counts(): Promise<number[]> {
  const { rows } = await env.pool.query<Record<string, string>>(
    `select (select count(*) from files) as files, (select count(*) from blobs) as blobs,
       (select count(*) from blob_chunks) as chunks, (select sum(blob_bytes) from projects) as bytes`,
  );
  return Object.values(rows[0]!).map(Number);
}

function post(...parts: Parameters<typeof form>): Promise<Response> {
  return env.fetch('/v1/files', { method: 'POST', ...form(...parts) });
}

test('keeps a file as it was sent, whatever the client reads it from', async () => {
  const content = randomBytes(2 * MIB + 77);
  const path = join(folder, 'numbers.bin');
  await writeFile(path, content);
  const sources = [
    createReadStream(path),
    await toFile(content, 'numbers.bin'),
    new File([content], 'numbers.bin'),
    await toFile(createReadStream(path), 'numbers.bin'),
  ];
  for (const source of sources) {
    const file = await env.client.files.create({ file: source, purpose: 'user_data' });
    expect(file).toEqual({
      object: 'file',
      id: expect.stringMatching(/^file-[0-9A-Za-z]{22}$/),
      purpose: 'user_data',
      filename: 'numbers.bin',
      bytes: content.length,
      created_at: expect.any(Number),
      expires_at: null,
      status: 'processed',
      status_details: null,
    });
    expect(Object.keys(file).slice(0, 9)).toEqual([
      'object',
      'id',
      'purpose',
      'filename',
      'bytes',
      'created_at',
      'expires_at',
      'status',
      'status_details',
    ]);
    expect(await env.client.files.retrieve(file.id)).toEqual(file);
    expect((await download(file.id)).equals(content)).toBe(true);
    expect(await env.client.files.waitForProcessing(file.id, { maxWait: 100 })).toEqual(file);
    expect(await env.client.files.delete(file.id)).toEqual({
      id: file.id,
      object: 'file',
      deleted: true,
    });
  }
  expect(await counts()).toEqual([0, 0, 0, 0]);
});

test('does not mind whether the file comes first or last', async () => {
  const purpose = { name: 'purpose', content: 'vision' };
  const file = { name: 'file', filename: 'a.png', content: 'pixels' };
  const seconds = { name: 'expires_after[seconds]', content: '3600' };
  const anchor = { name: 'expires_after[anchor]', content: 'created_at' };
  for (const parts of [
    [file, purpose, seconds, anchor],
    [anchor, seconds, purpose, file],
    [seconds, file, anchor, purpose],
    // As the Go client names them.
    [
      { ...anchor, name: 'expires_after.anchor' },
      { ...seconds, name: 'expires_after.seconds' },
      file,
      purpose,
    ],
  ]) {
    const answer = await post(...parts);
    expect(answer.status).toBe(200);
    const { created_at, ...made } = (await answer.json()) as { created_at: number; id: string };
    expect(made).toMatchObject({ purpose: 'vision', expires_at: created_at + 3600, bytes: 6 });
    expect((await download(made.id)).toString()).toBe('pixels');
    await env.client.files.delete(made.id);
  }
});

test('takes each purpose, and lists by it', async () => {
  const { files } = env.client;
  const purposes = ['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals'] as const;
  const made = [];
  for (const purpose of purposes) made.push(await create(purpose, `${purpose}.jsonl`, purpose));
  for (const [at, purpose] of purposes.entries()) {
    const { data } = await files.list({ purpose });
    expect(data).toEqual([made[at]]);
    const { created_at, expires_at } = made[at]! as { created_at: number; expires_at: unknown };
    expect(expires_at).toBe(purpose === 'batch' ? created_at + 30 * 86_400 : null);
  }
  expect((await files.list({ purpose: 'assistants_output' })).data).toEqual([]);
  expect((await files.list()).data).toEqual(made.toReversed());
  expect((await files.list({ order: 'asc' })).data).toEqual(made);
  const [, , third] = made;
  const page = await env.fetch(`/v1/files?limit=2&after=${third!.id}`);
  expect(await page.json()).toEqual({
    object: 'list',
    data: [made[1], made[0]],
    first_id: made[1]!.id,
    last_id: made[0]!.id,
    has_more: false,
  });
  const seen = [];
  for await (const file of files.list({ limit: 4 })) seen.push(file);
  expect(seen).toEqual(made.toReversed());
  for (const query of ['limit=0', 'limit=10001', 'order=up', 'after=file-none', 'purpose=%00']) {
    expect((await env.fetch(`/v1/files?${query}`)).status, query).toBe(400);
  }
  expect((await env.fetch('/v1/files?limit=10000')).status).toBe(200);
  for (const { id } of made) await files.delete(id);
  expect(await (await env.fetch('/v1/files')).json()).toEqual({
    object: 'list',
    data: [],
    first_id: null,
    last_id: null,
    has_more: false,
  });
});

test('hands content out as an attachment, except what was uploaded for assistants', async () => {
  const secret = await create('for assistants', 'a.txt', 'assistants');
  expect(await errorOf(env.fetch(`/v1/files/${secret.id}/content`))).toEqual({
    status: 400,
    message: 'Not allowed to download files of purpose: assistants',
    type: 'invalid_request_error',
    param: null,
    code: null,
  });
  const file = await create('hello', 'notes.txt');
  const response = await env.fetch(`/v1/files/${file.id}/content`);
  expect(await response.text()).toBe('hello');
  const header = (name: string) => response.headers.get(name);
  expect(header('content-type')).toBe('application/octet-stream');
  expect(header('content-disposition')).toBe('attachment; filename="notes.txt"');
  expect(header('content-length')).toBe('5');
  expect(header('x-content-type-options')).toBe('nosniff');
  const head = await env.fetch(`/v1/files/${file.id}/content`, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '5']);
  await env.client.files.delete(file.id);
  await env.client.files.delete(secret.id);
});

const NAMES: [string, string][] = [
  ['../../etc/passwd', 'attachment; filename=".._.._etc_passwd"'],
  ['C:\\windows\\system32', 'attachment; filename="C:_windows_system32"'],
  ['..', 'attachment; filename=".."'],
  ['/', 'attachment; filename="_"'],
  ['CON', 'attachment; filename="CON"'],
  ['a;b=c.txt', 'attachment; filename="a;b=c.txt"'],
  ['résumé.pdf', `attachment; filename="r_sum_.pdf"; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf`],
  ['\u202etxt.exe', `attachment; filename="_txt.exe"; filename*=UTF-8''%E2%80%AEtxt.exe`],
  ['表🙂.csv', `attachment; filename="__.csv"; filename*=UTF-8''%E8%A1%A8%F0%9F%99%82.csv`],
  ["it's (1)*!.txt", `attachment; filename="it's (1)*!.txt"`],
  ['x'.repeat(4096), `attachment; filename="${'x'.repeat(200)}"`],
  ['🙂'.repeat(4096), expect.stringMatching(/^.{2000,4000}$/) as unknown as string],
];

test.for(NAMES)('keeps the name %s as text, and never as a path', async ([name, disposition]) => {
  const answer = await post(
    { name: 'purpose', content: 'user_data' },
    { name: 'file', filename: name.replaceAll('\\', '\\\\'), content: 'x' },
  );
  expect(answer.status).toBe(200);
  const file = (await answer.json()) as { id: string; filename: string };
  expect(file.filename).toBe(name);
  const { headers } = await env.fetch(`/v1/files/${file.id}/content`);
  expect(headers.get('content-disposition')).toEqual(disposition);
  await env.client.files.delete(file.id);
});

const FILE = { name: 'file', filename: 'a.txt', content: 'x' };
const PURPOSE = { name: 'purpose', content: 'user_data' };

/** What is refused: the form, and the error's message, code and param. */
const REFUSED: [string, Parameters<typeof form>, string | RegExp, string | null, string | null][] =
  [
    [
      'no purpose',
      [FILE],
      "Missing required parameter: 'purpose'.",
      'missing_required_parameter',
      'purpose',
    ],
    [
      'no file',
      [PURPOSE],
      "Missing required parameter: 'file'.",
      'missing_required_parameter',
      'file',
    ],
    [
      'a file that is text',
      [PURPOSE, { name: 'file', content: 'x' }],
      "Invalid type for 'file': expected a file, but got a string instead.",
      'invalid_type',
      'file',
    ],
    ['an empty file', [PURPOSE, { ...FILE, content: '' }], 'File is empty.', 'empty_file', 'file'],
    [
      'an unknown purpose',
      [FILE, { name: 'purpose', content: 'assistants_output' }],
      "Invalid value: 'assistants_output'. Supported values are: 'assistants', 'batch', 'fine-tune', 'vision', 'user_data', and 'evals'.",
      'invalid_value',
      'purpose',
    ],
    [
      'an unknown field',
      [FILE, PURPOSE, { name: 'id', content: 'file-mine' }],
      "Unknown parameter: 'id'.",
      'unknown_parameter',
      'id',
    ],
    [
      'a prototype',
      [FILE, PURPOSE, { name: '__proto__[a]', content: 'b' }],
      "Unknown parameter: '__proto__'.",
      'unknown_parameter',
      '__proto__',
    ],
    ['two files', [FILE, PURPOSE, FILE], "Unknown parameter: 'file'.", 'unknown_parameter', 'file'],
    [
      'a second file of another name',
      [PURPOSE, { ...FILE, name: 'data' }],
      "Unknown parameter: 'data'.",
      'unknown_parameter',
      'data',
    ],
    [
      'a name with U+0000',
      [PURPOSE, { ...FILE, filename: 'a\0b' }],
      "Invalid 'file.filename': the character U+0000 cannot be stored.",
      'invalid_value',
      'file.filename',
    ],
    [
      'a name of 4097 characters',
      [PURPOSE, { ...FILE, filename: 'x'.repeat(4097) }],
      /^Invalid 'file.filename': string too long\./,
      'string_above_max_length',
      'file.filename',
    ],
    [
      'a life of less than an hour',
      [
        FILE,
        PURPOSE,
        { name: 'expires_after[anchor]', content: 'created_at' },
        { name: 'expires_after[seconds]', content: '3599' },
      ],
      "Invalid 'expires_after.seconds': integer below minimum value. Expected a value >= 3600, but got 3599 instead.",
      'integer_below_min_value',
      'expires_after.seconds',
    ],
    [
      'a life of more than 30 days',
      [
        { name: 'expires_after[anchor]', content: 'created_at' },
        { name: 'expires_after[seconds]', content: '2592001' },
        PURPOSE,
        FILE,
      ],
      "Invalid 'expires_after.seconds': integer above maximum value. Expected a value <= 2592000, but got 2592001 instead.",
      'integer_above_max_value',
      'expires_after.seconds',
    ],
    [
      'a life without a start',
      [FILE, PURPOSE, { name: 'expires_after[seconds]', content: '3600' }],
      "Missing required parameter: 'expires_after.anchor'.",
      'missing_required_parameter',
      'expires_after.anchor',
    ],
    [
      'a life with dots that is too short',
      [
        FILE,
        PURPOSE,
        { name: 'expires_after.anchor', content: 'created_at' },
        { name: 'expires_after.seconds', content: '3599' },
      ],
      "Invalid 'expires_after.seconds': integer below minimum value. Expected a value >= 3600, but got 3599 instead.",
      'integer_below_min_value',
      'expires_after.seconds',
    ],
    [
      'a very long field',
      [FILE, { name: 'purpose', content: 'x'.repeat(5000) }],
      "Invalid 'purpose': too long.",
      'invalid_value',
      'purpose',
    ],
    [
      'a hundred fields',
      [FILE, ...Array.from({ length: 100 }, () => PURPOSE)],
      'We could not parse the multipart form of your request: it has too many parts.',
      null,
      null,
    ],
  ];

test.for(REFUSED)('refuses %s, and keeps nothing', async ([, parts, message, code, param]) => {
  const before = await counts();
  expect(await errorOf(post(...parts))).toEqual({
    status: 400,
    message: typeof message === 'string' ? message : expect.stringMatching(message),
    type: 'invalid_request_error',
    param,
    code,
  });
  expect(await counts()).toEqual(before);
});

test('refuses bodies that are no form, or not a whole one', async () => {
  const before = await counts();
  const json = env.fetch('/v1/files', { method: 'POST', body: '{"purpose":"assistants"}' });
  expect(await errorOf(json)).toMatchObject({
    status: 400,
    message: 'Invalid Content-Type header (application/json), expected multipart/form-data.',
  });
  const whole = form(PURPOSE, FILE);
  const send = (headers: Record<string, string>, body: Buffer) =>
    errorOf(env.fetch('/v1/files', { method: 'POST', headers, body }));
  for (const cut of [10, whole.body.length - 60, whole.body.length - 8]) {
    const refused = await send(whole.headers, whole.body.subarray(0, cut));
    expect(refused).toMatchObject({ status: 400, param: null, code: null });
    expect(refused).toMatchObject({
      message: expect.stringMatching(/^We could not parse the multipart form/),
    });
  }
  const unbounded = await send({ 'content-type': 'multipart/form-data' }, whole.body);
  expect(unbounded).toMatchObject({ status: 400 });
  expect(await counts()).toEqual(before);
});

test('takes a file of exactly the limit, and none above it', async () => {
  const before = await counts();
  const file = await create(Buffer.alloc(3 * MIB));
  await env.client.files.delete(file.id);
  const tooLarge = {
    status: 413,
    message: `File is too large. The most this server accepts here is ${3 * MIB} bytes.`,
    type: 'invalid_request_error',
    param: null,
    code: 'file_too_large',
  };
  for (const bytes of [3 * MIB + 1, 20 * MIB]) {
    expect(await errorOf(post(PURPOSE, { ...FILE, content: Buffer.alloc(bytes) }))).toEqual(
      tooLarge,
    );
  }
  const { headers, body } = form({ ...FILE, content: Buffer.alloc(8 * MIB) }, PURPOSE);
  const chunked = env.fetch('/v1/files', {
    method: 'POST',
    headers,
    body: new Blob([body]).stream(),
    duplex: 'half',
  } as RequestInit);
  expect(await errorOf(chunked)).toEqual(tooLarge);
  expect(await counts()).toEqual(before);
});

test('asks for a key before it reads a form', async () => {
  const { headers, body } = form(PURPOSE, FILE);
  const answer = await fetch(`${env.api.url}/v1/files`, { method: 'POST', headers, body });
  expect(answer.status).toBe(401);
});

test('an expired file is gone at once, and its content soon after', async () => {
  const file = await env.client.files.create({
    file: await toFile(Buffer.from('x'), 'a.txt'),
    purpose: 'user_data',
    expires_after: { anchor: 'created_at', seconds: 3600 },
  });
  const before = await counts();
  await env.pool.query('update files set expires_at = unix_now() where id = $1', [file.id]);
  const missing = {
    status: 404,
    message: `No such File object: ${file.id}`,
    type: 'invalid_request_error',
    param: 'id',
    code: null,
  };
  for (const [method, path] of [
    ['GET', ''],
    ['GET', '/content'],
    ['DELETE', ''],
  ]) {
    expect(await errorOf(env.fetch(`/v1/files/${file.id}${path}`, { method: method! }))).toEqual(
      missing,
    );
  }
  expect((await env.client.files.list()).data).toEqual([]);
  expect(await counts()).toEqual(before);
  await tidyFiles(env.pool);
  expect(await counts()).toEqual([0, 0, 0, 0]);
});

test('takes a form once per idempotency key', async () => {
  const key = randomUUID();
  const send = (content: string, filename = 'a.txt') => {
    const { headers, body } = form(PURPOSE, { name: 'file', filename, content });
    return env.fetch('/v1/files', {
      method: 'POST',
      headers: { ...headers, 'idempotency-key': key },
      body,
    });
  };
  const answers = await Promise.all([send('same'), send('same'), send('same')]);
  const files = await Promise.all(answers.map((answer) => answer.json()));
  expect(new Set(files.map((file) => JSON.stringify(file))).size).toBe(1);
  expect(await counts()).toEqual([1, 1, 1, 4]);
  for (const other of [send('other'), send('same', 'b.txt')]) {
    expect(await errorOf(other)).toMatchObject({ status: 400, code: 'idempotency_key_reused' });
  }
  expect(await counts()).toEqual([1, 1, 1, 4]);
  await env.client.files.delete((files[0] as { id: string }).id);
});
