import { createHash, randomBytes, randomUUID } from 'node:crypto';

import { toFile } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { tidyFiles } from '../../db/maintenance.ts';
import { Environment } from '../support/environment.ts';
import { errorOf } from '../support/error-of.ts';
import { form } from '../support/forms.ts';

const MIB = 1024 * 1024;

let env: Environment;
beforeAll(async () => {
  const config = {
    uploadLimitBytes: 100 * MIB,
    uploadPartLimitBytes: 2 * MIB,
    quotaBytes: 120 * MIB,
  };
  env = await Environment.start({ worker: false, config });
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

async function counts(): Promise<number[]> {
  const { rows } = await env.pool.query<Record<string, string>>(
    `select (select count(*) from files) as files, (select count(*) from upload_parts) as parts,
       (select count(*) from blobs) as blobs, (select sum(blob_bytes) from projects) as bytes`,
  );
  return Object.values(rows[0]!).map(Number);
}

const NOTHING = [0, 0, 0, 0];

const start = (bytes: number) =>
  env.client.uploads.create({
    bytes,
    filename: 'big.bin',
    mime_type: 'application/octet-stream',
    purpose: 'user_data',
  });

const send = async (uploadId: string, content: Buffer) =>
  env.client.uploads.parts.create(uploadId, { data: await toFile(content, 'part') });

const download = async (id: string) =>
  Buffer.from(await (await env.client.files.content(id)).arrayBuffer());

function post(path: string, body: unknown = {}): Promise<Response> {
  return env.fetch(`/v1/uploads${path}`, { method: 'POST', body: JSON.stringify(body) });
}

const md5 = (content: Buffer) => createHash('md5').update(content).digest('hex');

test('puts parts that were sent in any order together in the order named', async () => {
  const sizes = [2 * MIB, 10, 1.5 * MIB, MIB, 1];
  const pieces = sizes.map((size) => randomBytes(size));
  const content = Buffer.concat(pieces);
  const upload = await start(content.length);
  expect(upload).toEqual({
    id: expect.stringMatching(/^upload_[0-9A-Za-z]{24}$/),
    object: 'upload',
    created_at: expect.any(Number),
    filename: 'big.bin',
    bytes: content.length,
    purpose: 'user_data',
    status: 'pending',
    expires_at: upload.created_at + 3600,
    file: null,
  });
  const partIds: string[] = [];
  const order = [3, 0, 4, 2, 1];
  await Promise.all(
    order.map(async (at) => {
      const part = await send(upload.id, pieces[at]!);
      expect(part).toEqual({
        id: expect.stringMatching(/^part_[0-9A-Za-z]{24}$/),
        object: 'upload.part',
        created_at: expect.any(Number),
        upload_id: upload.id,
      });
      partIds[at] = part.id;
    }),
  );
  const body = { part_ids: partIds, md5: md5(content) };
  const completed = await env.client.uploads.complete(upload.id, body);
  const file = completed.file!;
  expect(completed).toEqual({ ...upload, status: 'completed', file });
  expect(file).toEqual(await env.client.files.retrieve(file.id));
  expect(file).toMatchObject({ filename: 'big.bin', bytes: content.length, purpose: 'user_data' });
  expect((await download(file.id)).equals(content)).toBe(true);
  expect(await counts()).toEqual([1, 0, 1, content.length]);

  expect(await env.client.uploads.complete(upload.id, body)).toEqual(completed);
  expect(await env.client.uploads.complete(upload.id, { part_ids: ['part_x'] })).toEqual(completed);
  await env.client.files.delete(file.id);
  expect(await counts()).toEqual(NOTHING);
  const nameless = { ...completed, file: null, filename: '' };
  expect(await env.client.uploads.complete(upload.id, body)).toEqual(nameless);
});

test('takes a single part for the whole file, and drops parts that are not named', async () => {
  const content = randomBytes(MIB + 3);
  const upload = await start(content.length);
  await send(upload.id, Buffer.alloc(10));
  const { id } = await send(upload.id, content);
  await send(upload.id, Buffer.alloc(20));
  const { file } = await env.client.uploads.complete(upload.id, { part_ids: [id] });
  expect((await download(file!.id)).equals(content)).toBe(true);
  expect(await counts()).toEqual([1, 0, 1, content.length]);
  await env.client.files.delete(file!.id);
  expect(await counts()).toEqual(NOTHING);
});

test('does not copy content to complete', async () => {
  const piece = randomBytes(2 * MIB);
  const upload = await start(16 * MIB);
  const part_ids: string[] = [];
  for (let n = 0; n < 8; n += 1) part_ids.push((await send(upload.id, piece)).id);
  const position = async () => {
    const { rows } = await env.pool.query<{ lsn: string }>(
      'select pg_current_wal_insert_lsn()::text as lsn',
    );
    return rows[0]!.lsn;
  };
  // Written pages go into the log whole the first time after a checkpoint: not part of what is measured.
  const before = await position();
  const { file } = await env.client.uploads.complete(upload.id, { part_ids });
  const { rows } = await env.pool.query<{ written: number }>(
    'select pg_wal_lsn_diff($1, $2)::int as written',
    [await position(), before],
  );
  expect(rows[0]!.written).toBeLessThan(4 * MIB);
  expect((await download(file!.id)).length).toBe(16 * MIB);
  await env.client.files.delete(file!.id);
});

test('refuses to complete what does not fit, and goes on after that', async () => {
  const content = randomBytes(100);
  const upload = await start(100);
  const first = await send(upload.id, content.subarray(0, 40));
  const second = await send(upload.id, content.subarray(40));
  const other = await start(10);
  const foreign = await send(other.id, Buffer.alloc(10));
  const complete = (body: unknown) => errorOf(post(`/${upload.id}/complete`, body));
  const part_ids = [first.id, second.id];
  expect(await complete({ part_ids: [first.id] })).toMatchObject({
    status: 400,
    message: 'The parts have 40 bytes, but the upload was created with 100 bytes.',
    code: 'bytes_mismatch',
    param: 'part_ids',
  });
  expect(await complete({ part_ids, md5: md5(Buffer.from('other')) })).toMatchObject({
    status: 400,
    message: `Invalid 'md5': the content of the parts has the md5 ${md5(content)}.`,
    code: 'md5_mismatch',
    param: 'md5',
  });
  for (const id of ['part_unknown', foreign.id]) {
    expect(await complete({ part_ids: [first.id, id] })).toMatchObject({
      status: 400,
      message: `Invalid 'part_ids': no part found with id '${id}' in ${upload.id}.`,
      param: 'part_ids',
    });
  }
  expect(await complete({ part_ids: [first.id, first.id] })).toMatchObject({
    status: 400,
    message: `Invalid 'part_ids': '${first.id}' is named more than once.`,
    param: 'part_ids',
  });
  expect(await complete({ part_ids: [] })).toMatchObject({ status: 400, code: 'empty_array' });
  expect(await complete({})).toMatchObject({ code: 'missing_required_parameter' });
  expect(await complete({ part_ids, md5: 'short' })).toMatchObject({ status: 400, param: 'md5' });

  const body = { part_ids, md5: md5(content).toUpperCase() };
  const { file } = await env.client.uploads.complete(upload.id, body);
  expect((await download(file!.id)).equals(content)).toBe(true);
  await env.client.files.delete(file!.id);
  await env.client.uploads.cancel(other.id);
  expect(await counts()).toEqual(NOTHING);
});

test('makes one file when completed twice at once, and cancels or completes, never both', async () => {
  for (let round = 0; round < 5; round += 1) {
    const upload = await start(20);
    const parts = [
      await send(upload.id, Buffer.alloc(10)),
      await send(upload.id, Buffer.alloc(10)),
    ];
    const part_ids = parts.map(({ id }) => id);
    const [a, b] = await Promise.all([
      env.client.uploads.complete(upload.id, { part_ids }),
      env.client.uploads.complete(upload.id, { part_ids }),
    ]);
    expect(a).toEqual(b);
    const raced = await start(10);
    const part = await send(raced.id, Buffer.alloc(10));
    const statuses = await Promise.all([
      post(`/${raced.id}/complete`, { part_ids: [part.id] }).then(({ status }) => status),
      post(`/${raced.id}/cancel`).then(({ status }) => status),
    ]);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 400]);
  }
  const files = await env.client.files.list();
  for (const { id } of files.data) await env.client.files.delete(id);
  expect(await counts()).toEqual(NOTHING);
});

test('a cancelled upload keeps nothing and takes nothing more', async () => {
  const upload = await start(20);
  const part = await send(upload.id, Buffer.alloc(20));
  expect(await env.client.uploads.cancel(upload.id)).toEqual({ ...upload, status: 'cancelled' });
  expect(await counts()).toEqual(NOTHING);
  expect(await env.client.uploads.cancel(upload.id)).toEqual({ ...upload, status: 'cancelled' });
  const { headers, body } = form({ name: 'data', filename: 'x', content: 'x' });
  const path = `/v1/uploads/${upload.id}/parts`;
  expect(await errorOf(env.fetch(path, { method: 'POST', headers, body }))).toMatchObject({
    status: 400,
    message: "Cannot add parts to upload with status 'cancelled'.",
  });
  expect(await errorOf(post(`/${upload.id}/complete`, { part_ids: [part.id] }))).toMatchObject({
    status: 400,
    message: "Cannot complete upload with status 'cancelled'.",
  });
  expect(await counts()).toEqual(NOTHING);
});

test('an upload ends after an hour, and nothing of it stays', async () => {
  const upload = await start(20);
  const part = await send(upload.id, Buffer.alloc(20));
  await env.pool.query('update uploads set expires_at = unix_now() where id = $1', [upload.id]);
  for (const sweep of [false, true]) {
    if (sweep) await tidyFiles(env.pool);
    expect(await errorOf(post(`/${upload.id}/complete`, { part_ids: [part.id] }))).toMatchObject({
      status: 400,
      message: "Cannot complete upload with status 'expired'.",
    });
    expect(await errorOf(post(`/${upload.id}/cancel`))).toMatchObject({
      status: 400,
      message: "Cannot cancel upload with status 'expired'.",
    });
  }
  expect(await counts()).toEqual(NOTHING);
});

test('the file of an upload expires as the upload said', async () => {
  const upload = await env.client.uploads.create({
    bytes: 1,
    filename: 'a.txt',
    mime_type: 'text/plain',
    purpose: 'assistants',
    expires_after: { anchor: 'created_at', seconds: 7200 },
  });
  const part = await send(upload.id, Buffer.from('x'));
  const { file } = await env.client.uploads.complete(upload.id, { part_ids: [part.id] });
  expect(file!.expires_at).toBe(file!.created_at + 7200);
  await env.client.files.delete(file!.id);
});

test('limits parts, uploads and what a project may hold', async () => {
  const upload = await start(MIB);
  const addPart = (content: Buffer, name = 'data') => {
    const { headers, body } = form({ name, filename: 'p', content });
    return env.fetch(`/v1/uploads/${upload.id}/parts`, { method: 'POST', headers, body });
  };
  expect(await errorOf(addPart(Buffer.alloc(2 * MIB + 1)))).toMatchObject({
    status: 413,
    code: 'file_too_large',
  });
  expect(await errorOf(addPart(Buffer.alloc(0)))).toMatchObject({ code: 'empty_file' });
  expect(await errorOf(addPart(Buffer.alloc(1), 'file'))).toMatchObject({
    message: "Unknown parameter: 'file'.",
  });
  expect((await addPart(Buffer.alloc(2 * MIB))).status).toBe(200);
  expect(await errorOf(addPart(Buffer.alloc(1)))).toMatchObject({
    status: 400,
    message: `The parts of ${upload.id} would have more than twice the ${MIB} bytes it was created with.`,
  });
  const body = { filename: 'a', purpose: 'vision', mime_type: 'image/png' };
  expect(await errorOf(post('', { ...body, bytes: 100 * MIB + 1 }))).toMatchObject({
    status: 400,
    code: 'integer_above_max_value',
    param: 'bytes',
  });
  expect(await errorOf(post('', { ...body, bytes: 0 }))).toMatchObject({ param: 'bytes' });
  const big = await start(100 * MIB);
  expect(await errorOf(post('', { ...body, bytes: 20 * MIB }))).toMatchObject({
    status: 400,
    code: 'file_quota_exceeded',
  });
  await env.client.uploads.cancel(big.id);
  await env.client.uploads.cancel((await start(100 * MIB)).id);
  await env.client.uploads.cancel(upload.id);
  expect(await counts()).toEqual(NOTHING);
});

test('takes an upload and a part once per idempotency key', async () => {
  const key = randomUUID();
  const body = { bytes: 2, filename: 'a', purpose: 'vision', mime_type: 'image/png' };
  const create = () =>
    env.fetch('/v1/uploads', {
      method: 'POST',
      headers: { 'idempotency-key': key },
      body: JSON.stringify(body),
    });
  const [first, again] = await Promise.all([create(), create()]);
  const upload = (await first.json()) as { id: string };
  expect(await again.json()).toEqual(upload);
  const parts = await Promise.all(
    [1, 2].map(() => {
      const sent = form({ name: 'data', filename: 'p', content: 'xy' });
      return env.fetch(`/v1/uploads/${upload.id}/parts`, {
        method: 'POST',
        headers: { ...sent.headers, 'idempotency-key': 'one' },
        body: sent.body,
      });
    }),
  );
  const [one, two] = await Promise.all(parts.map((answer) => answer.json()));
  expect(one).toEqual(two);
  expect(await counts()).toEqual([0, 1, 1, 2]);
  await env.client.uploads.cancel(upload.id);
  expect(await counts()).toEqual(NOTHING);
});
