/** Cut uploads, many at once, large ones, and files that are named by other objects. */
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { toFile } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { form } from '../support/forms.ts';

const MIB = 1024 * 1024;

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ worker: false, config: { quotaBytes: 400 * MIB } });
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

async function counts(): Promise<number[]> {
  const { rows } = await env.pool.query<Record<string, string>>(
    `select (select count(*) from files) as files, (select count(*) from blobs) as blobs,
       (select count(*) from blob_chunks) as chunks, (select sum(blob_bytes) from projects) as bytes`,
  );
  return Object.values(rows[0]!).map(Number);
}

type Sent = { headers: Record<string, string>; body: string | Buffer<ArrayBuffer> };

const NOTHING = [0, 0, 0, 0];

/** The request is open; its body has yet to be written. */
function open(path: string, headers: Record<string, string | number>) {
  return httpRequest(`${env.api.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${env.apiKey}`, ...headers },
  });
}

const purpose = { name: 'purpose', content: 'user_data' };
const file = (content: Buffer) => ({ name: 'file', filename: 'a.bin', content });

test('an upload that is cut leaves nothing behind', async () => {
  const { id } = await env.client.uploads.create({
    bytes: 5 * MIB,
    filename: 'a',
    purpose: 'vision',
    mime_type: 'image/png',
  });
  const content = Buffer.alloc(5 * MIB, 'x');
  const before = await counts();
  const bodies = [
    ['/v1/files', form(purpose, file(content))],
    ['/v1/files', form(file(content), purpose)],
    [`/v1/uploads/${id}/parts`, form({ name: 'data', filename: 'p', content })],
  ] as const;
  for (const [path, { headers, body }] of bodies) {
    for (const sent of [3 * MIB + 500, body.length - 20]) {
      const cut = open(path, { ...headers, 'content-length': body.length });
      cut.on('error', () => {});
      cut.write(body.subarray(0, sent));
      await expect.poll(async () => (await counts())[2]! - before[2]!).toBeGreaterThan(1);
      cut.destroy();
      await expect.poll(counts).toEqual(before);
    }
  }
  await env.client.uploads.cancel(id);
  expect(await counts()).toEqual(NOTHING);
});

test('a refused upload is answered while its sender is still sending', async () => {
  const { headers, body } = form({ name: 'other', filename: 'a', content: Buffer.alloc(40 * MIB) });
  const sending = open('/v1/files', { ...headers, 'content-length': body.length });
  const answered = once(sending, 'response') as Promise<[{ statusCode: number }]>;
  await pipeline(Readable.from([body.subarray(0, MIB)]), sending, { end: false });
  const [{ statusCode }] = await answered;
  expect(statusCode).toBe(400);
  sending.destroy();
  expect(await counts()).toEqual(NOTHING);
});

test('200 MB go in and out while the memory of the process hardly grows', async () => {
  const size = 200 * MIB;
  const piece = Buffer.alloc(MIB, 'abcdefgh');
  const boundary = 'boundary';
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n`;
  const base = process.memoryUsage().rss;
  let peak = base;
  const sample = () => (peak = Math.max(peak, process.memoryUsage().rss));
  async function* body() {
    yield head;
    for (let sent = 0; sent < size; sent += MIB) {
      sample();
      yield piece;
    }
    yield `\r\n--${boundary}--\r\n`;
  }
  const sending = open('/v1/files', {
    'content-type': `multipart/form-data; boundary=${boundary}`,
  });
  const answered = once(sending, 'response') as Promise<[Readable]>;
  await pipeline(body(), sending);
  const [response] = await answered;
  const { id, bytes } = JSON.parse(Buffer.concat(await response.toArray()).toString()) as {
    id: string;
    bytes: number;
  };
  expect(bytes).toBe(size);
  let received = 0;
  const content = await env.client.files.content(id);
  for await (const chunk of Readable.fromWeb(content.body as never) as AsyncIterable<Buffer>) {
    received += chunk.length;
    sample();
  }
  expect(received).toBe(size);
  // Sender, receiver and API share this process, so this is more than the API's own.
  expect(peak - base).toBeLessThan(100 * MIB);
  await env.client.files.delete(id);
  expect(await counts()).toEqual(NOTHING);
});

test('a reader that stops reading holds up nobody and little memory', async () => {
  const { id } = await env.client.files.create({
    file: await toFile(Buffer.alloc(60 * MIB), 'a'),
    purpose: 'user_data',
  });
  const stopped = httpRequest(`${env.api.url}/v1/files/${id}/content`, {
    headers: { authorization: `Bearer ${env.apiKey}` },
  });
  stopped.on('error', () => {});
  stopped.end();
  const [response] = (await once(stopped, 'response')) as [Readable];
  response.pause();
  expect((await (await env.client.files.content(id)).arrayBuffer()).byteLength).toBe(60 * MIB);
  await env.client.files.delete(id);
  stopped.destroy();
  expect(await counts()).toEqual(NOTHING);
});

test('files that come together pass the quota one by one', async () => {
  const size = 50 * MIB;
  const { rows } = await env.pool.query<{ id: string }>('select id from projects');
  await env.pool.query('update projects set blob_bytes = $1', [400 * MIB - 2 * size - 1]);
  const content = Buffer.alloc(size);
  const statuses = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const { headers, body } = form(purpose, file(content));
      const answer = await env.fetch('/v1/files', { method: 'POST', headers, body });
      if (answer.status !== 200) {
        expect(await answer.json()).toEqual({
          error: {
            message: `This file would take the project over its limit of ${400 * MIB} bytes for all files. Please delete files you no longer need.`,
            type: 'invalid_request_error',
            param: null,
            code: 'file_quota_exceeded',
          },
        });
      }
      return answer.status;
    }),
  );
  expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 200, 400, 400, 400]);
  for (const { id } of (await env.client.files.list()).data) await env.client.files.delete(id);
  await env.pool.query('update projects set blob_bytes = 0 where id = $1', [rows[0]!.id]);
  expect(await counts()).toEqual(NOTHING);
});

test("answers another project's files and uploads exactly like ids that never were", async () => {
  const made = await env.client.files.create({
    file: await toFile(Buffer.from('secret'), 'secret.txt'),
    purpose: 'user_data',
  });
  const upload = await env.client.uploads.create({
    bytes: 1,
    filename: 'a',
    purpose: 'vision',
    mime_type: 'image/png',
  });
  const other = await env.otherClient();
  const reversed = (id: string) => id.slice(0, -8) + id.slice(-8).split('').reverse().join('');
  const json = { 'content-type': 'application/json' };
  const part = form({ name: 'data', filename: 'p', content: 'x' });
  const thread = await other.beta.threads.create();
  const naming = (id: string) =>
    JSON.stringify({
      role: 'user',
      content: [{ type: 'image_file', image_file: { file_id: id } }],
    });
  const operations: ((file: string, upload: string) => [string, string, Sent?])[] = [
    (id) => ['GET', `/files/${id}`],
    (id) => ['GET', `/files/${id}/content`],
    (id) => ['DELETE', `/files/${id}`],
    (id) => ['GET', `/files?after=${id}`],
    (id) => ['POST', `/threads/${thread.id}/messages`, { headers: json, body: naming(id) }],
    (_, id) => ['POST', `/uploads/${id}/parts`, part],
    (_, id) => ['POST', `/uploads/${id}/cancel`],
    (_, id) => [
      'POST',
      `/uploads/${id}/complete`,
      { headers: json, body: '{"part_ids":["part_x"]}' },
    ],
  ];
  for (const operation of operations) {
    const send = async (fileId: string, uploadId: string) => {
      const [method, path, init] = operation(fileId, uploadId);
      const response = await fetch(`${env.api.url}/v1${path}`, {
        method,
        ...init,
        headers: { ...init?.headers, authorization: `Bearer ${other.apiKey}` },
      });
      const headers = [...response.headers.keys()].filter((name) => name !== 'date').sort();
      return { status: response.status, headers, body: await response.text() };
    };
    const foreign = await send(made.id, upload.id);
    const body = foreign.body
      .replaceAll(made.id, reversed(made.id))
      .replaceAll(upload.id, reversed(upload.id));
    const [method, path] = operation(made.id, upload.id);
    const name = `${method} ${path}`;
    expect({ ...foreign, body }, name).toEqual(await send(reversed(made.id), reversed(upload.id)));
    expect([400, 404], name).toContain(foreign.status);
  }
  expect((await other.files.list()).data).toEqual([]);
  expect(await env.client.files.retrieve(made.id)).toEqual(made);
  await env.client.uploads.cancel(upload.id);
  await env.client.files.delete(made.id);
});
