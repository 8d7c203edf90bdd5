/** PDFs of a vector store, from the upload to what a search finds. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { contentOf, settled, upload } from '../support/stores.ts';
import { pdf } from './support/documents.ts';
import { annotated, cjk, hex, rows } from './support/pdfs.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(() => env[Symbol.asyncDispose]());

test.each([
  ['arabic.pdf', rows([['م', 'لا', 'س']], 'from the left'), 'سلام'],
  [
    'form.pdf',
    annotated('A', ['/Subtype /Widget /FT /Tx /T (name) /V (Wilhelmina)']),
    'Wilhelmina',
  ],
  ['chinese.pdf', cjk('UniGB-UCS2-H', 'GB1', Buffer.from(hex('合同编号'), 'hex')), '合同编号'],
])('what a reader of %s sees is found', async (name, content, query) => {
  const store = await env.client.vectorStores.create({ name });
  const id = await upload(env.client, content, name);
  await env.client.vectorStores.files.create(store.id, { file_id: id });
  expect((await settled(env.client, store.id, id)).last_error).toBeNull();
  expect(await contentOf(env.client, store.id, id)).toContain(query);
  const found = await env.client.vectorStores.search(store.id, { query });
  expect(found.data.map(({ filename }) => filename)).toEqual([name]);
});

test('a scanned PDF fails with the reason', async () => {
  const store = await env.client.vectorStores.create({ name: 'scans' });
  const id = await upload(env.client, pdf([[]]), 'scan.pdf');
  await env.client.vectorStores.files.create(store.id, { file_id: id });
  expect(await settled(env.client, store.id, id)).toMatchObject({
    status: 'failed',
    last_error: {
      code: 'invalid_file',
      message:
        'The PDF has no text: scanned pages need text recognition before they can be searched.',
    },
  });
});
