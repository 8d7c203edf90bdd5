/** Parts of a file's content, as downloads go on after a cut: RFC 9110, 14. */
import { createHash, randomBytes } from 'node:crypto';

import { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { errorOf } from '../support/error-of.ts';

const MIB = 1024 * 1024;
/** Three rows of the database, the last one short. */
const CONTENT = randomBytes(2 * MIB + 10);
const SIZE = CONTENT.length;
const ETAG = `"${createHash('sha256').update(CONTENT).digest('hex')}"`;

let env: Environment;
let fileId: string;
beforeAll(async () => {
  env = await Environment.start({ worker: false });
  const file = await toFile(CONTENT, 'numbers.bin');
  fileId = (await env.client.files.create({ file, purpose: 'user_data' })).id;
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

const get = (headers: Record<string, string>, id = fileId, method = 'GET') =>
  env.fetch(`/v1/files/${id}/content`, { headers, method });
const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());

test.each([
  ['bytes=0-4', 0, 4],
  ['bytes=5-', 5, SIZE - 1],
  ['bytes=-7', SIZE - 7, SIZE - 1],
  [`bytes=${MIB - 1}-${MIB}`, MIB - 1, MIB],
  [`bytes=${MIB}-${2 * MIB - 1}`, MIB, 2 * MIB - 1],
  [`bytes=${SIZE - 1}-${SIZE * 2}`, SIZE - 1, SIZE - 1],
])('%s is answered with these bytes', async (range, start, end) => {
  const response = await get({ range });
  expect(response.status).toBe(206);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-range': `bytes ${start}-${end}/${SIZE}`,
    'content-length': String(end - start + 1),
    'accept-ranges': 'bytes',
    etag: ETAG,
  });
  expect((await bytesOf(response)).equals(CONTENT.subarray(start, end + 1))).toBe(true);
});

test.each(['bytes=1-2,4-5', 'lines=1-2', 'bytes=2-1', 'bytes=a-b', 'none'])(
  'the whole file is sent for %s, which is not one range of bytes',
  async (range) => {
    const response = await get({ range });
    expect([response.status, response.headers.get('content-range')]).not.toContain(206);
    if (response.status === 200) expect((await bytesOf(response)).equals(CONTENT)).toBe(true);
    else expect(response.status).toBe(416);
  },
);

test('a range behind the end is refused, with the size of the file', async () => {
  const response = await get({ range: `bytes=${SIZE}-` });
  expect(response.headers.get('content-range')).toBe(`bytes */${SIZE}`);
  expect(await errorOf(response)).toMatchObject({
    status: 416,
    type: 'invalid_request_error',
    message: `The requested range is not in the file, which has ${SIZE} bytes.`,
  });
});

describe('with If-Range', () => {
  test('the part of the same content is sent', async () => {
    const response = await get({ range: 'bytes=1-2', 'if-range': ETAG });
    expect(response.status).toBe(206);
    expect((await bytesOf(response)).equals(CONTENT.subarray(1, 3))).toBe(true);
  });

  test.each(['"other"', `W/${ETAG}`, 'Wed, 21 Oct 2026 07:28:00 GMT'])(
    'the whole is sent to %s, which does not name the content exactly',
    async (condition) => {
      for (const range of ['bytes=1-2', `bytes=${SIZE}-`]) {
        const response = await get({ range, 'if-range': condition });
        expect(response.status).toBe(200);
        expect((await bytesOf(response)).equals(CONTENT)).toBe(true);
      }
    },
  );
});

test('a HEAD tells of the whole file', async () => {
  const response = await get({ range: 'bytes=1-2' }, fileId, 'HEAD');
  expect([response.status, response.headers.get('content-length')]).toEqual([200, String(SIZE)]);
  expect(response.headers.get('accept-ranges')).toBe('bytes');
});

test('parts of an upload, which differ in size, are one content', async () => {
  const { uploads } = env.client;
  const fields = { filename: 'a.bin', mime_type: 'application/octet-stream' };
  const { id } = await uploads.create({ ...fields, bytes: 9, purpose: 'user_data' });
  const part_ids: string[] = [];
  for (const piece of ['ab', 'cdefg', 'hi']) {
    const data = await toFile(Buffer.from(piece), 'part');
    part_ids.push((await uploads.parts.create(id, { data })).id);
  }
  const { file } = await uploads.complete(id, { part_ids });
  const response = await get({ range: 'bytes=1-7' }, file!.id);
  expect(response.status).toBe(206);
  expect(await response.text()).toBe('bcdefgh');
  const etag = response.headers.get('etag')!;
  const second = await get({ range: 'bytes=7-', 'if-range': etag }, file!.id);
  expect([second.status, await second.text()]).toEqual([206, 'hi']);
});
