/** Documents of many kinds on their whole way: uploaded, indexed by a worker, read back and found. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { DATA } from '../retrieval/support/data-files.ts';
import { LISTS } from '../retrieval/support/office-lists.ts';
import { SHEETS } from '../retrieval/support/office-sheets.ts';
import { SLIDES } from '../retrieval/support/office-slides.ts';
import { PAGES } from '../retrieval/support/page-files.ts';
import { Environment } from '../support/environment.ts';
import { contentOf, expectSound, settled, storeWith, upload } from '../support/stores.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start();
});
afterAll(async () => {
  await expectSound(env.pool);
  await env[Symbol.asyncDispose]();
});

const all = [...LISTS, ...SHEETS, ...SLIDES, ...PAGES, ...DATA];

/** The case, what to search for, and what the best result has to say. */
test.each([
  ['headings whose style numbers them, with their level', '4.1 payment', '## 4.1 Payment'],
  ['sheets with their names, and rows with their header', 'revenue Oslo', '| Oslo | 1234.5 |'],
  ['a chart and a diagram after their slide', 'insects wasps June', '| June | 50% | 50% |'],
  ['a table of semicolons', 'net price Rome', '| Rome | 2,5 |'],
  [
    'an e-mail with encoded words, its text and the names of its attachments',
    'Köln',
    'Grüße aus Köln',
  ],
  ['a text document of OpenDocument', 'letterhead', 'Letterhead'],
  ['a zero by mistake', 'walnut', 'second line with walnut'],
])('%s: uploaded, indexed and found', async (name, query, expected) => {
  const [, filename, content] = all.find(([each]) => each === name)!;
  const id = await upload(env.client, Buffer.from(content()), filename);
  const store = await storeWith(env.client, [id]);
  expect((await settled(env.client, store, id)).status).toBe('completed');
  expect(await contentOf(env.client, store, id)).toContain(expected);
  const { data } = await env.client.vectorStores.search(store, { query });
  expect(data[0]).toMatchObject({ file_id: id, filename });
  expect(data[0]?.content[0]?.text).toContain(expected);
});
