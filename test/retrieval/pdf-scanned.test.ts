/** Scanned pages, whose text is recognised when languages are set: by the parsing process, within its walls. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { recognitionData } from '../../retrieval/index.ts';
import { Environment } from '../support/environment.ts';
import { contentOf, settled, upload } from '../support/stores.ts';
import { pdf } from './support/documents.ts';
import { chunksOf } from './support/extract.ts';
import { drawn } from './support/pdfs.ts';
import { scanned } from './support/scans.ts';

const LINES = [
  'The supplier delivers 1,250 crates of marmalade to the harbour of Rotterdam.',
  'Late deliveries cost two percent of the price per week.',
];
const CONTRACT = scanned(pdf([LINES]));
const ENGLISH = { languages: ['eng'] };

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ config: { ocrLanguages: ['eng'] } });
});
afterAll(() => env[Symbol.asyncDispose]());

test('the text of a scanned page is found when its language is set', async () => {
  const store = await env.client.vectorStores.create({ name: 'scans' });
  const id = await upload(env.client, CONTRACT, 'scan.pdf');
  await env.client.vectorStores.files.create(store.id, { file_id: id });
  expect((await settled(env.client, store.id, id)).last_error).toBeNull();
  expect(await contentOf(env.client, store.id, id)).toBe(`${LINES.join('\n')}\n\n`);
});

test('without a language it says what it needs', async () => {
  await expect(chunksOf('scan.pdf', CONTRACT)).rejects.toMatchObject({
    code: 'invalid_file',
    message:
      'The PDF has no text: scanned pages need text recognition before they can be searched.',
  });
});

test('a page whose text has no meaning is recognised from what it shows', async () => {
  // Helvetica draws the codes 65 and so on, whatever characters a map gives them.
  const page = drawn([{ text: '\ue000', x: 50, y: 700 }]);
  await expect(chunksOf('a.pdf', page, ENGLISH)).rejects.toMatchObject({
    message: 'The PDF has no text, and text recognition finds none in its pages.',
  });
});

test('empty pages and pages with text are not recognised', async () => {
  const [chunk] = await chunksOf('a.pdf', pdf([[], ['A page of text']]), ENGLISH);
  expect(chunk).toMatchObject({ text: 'A page of text\n\n', page: 2 });
});

test('a language without data is refused before any file is read', () => {
  expect(() => recognitionData('xyz')).toThrow(
    "No data to recognise text in 'xyz', which OCR_LANGUAGES names: npm install @tesseract.js-data/xyz",
  );
});
