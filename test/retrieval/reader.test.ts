/** What a reader sees in a document is in its text, and what a reader does not see is not. */
import { afterAll, expect, test } from 'vitest';

import { createParserPool } from '../../retrieval/index.ts';
import { textOf } from './support/extract.ts';
import { DATA } from './support/data-files.ts';
import { LISTS } from './support/office-lists.ts';
import { WORDS } from './support/office-words.ts';
import { PAGES } from './support/page-files.ts';
import { SHEETS } from './support/office-sheets.ts';
import { SLIDES } from './support/office-slides.ts';

const pool = createParserPool(1);
const reuse = { pool, owner: 'everyone' };
afterAll(() => pool[Symbol.asyncDispose]());

test.each([...LISTS, ...WORDS, ...SLIDES, ...SHEETS, ...PAGES, ...DATA])(
  '%s',
  async (_, filename, content, has, hasNot = []) => {
    const text = await textOf(filename, content(), { reuse });
    let rest = text;
    for (const each of has) {
      const found = typeof each === 'string' ? rest.indexOf(each) : rest.search(each);
      expect(found, `${each} in ${JSON.stringify(text)}`).toBeGreaterThanOrEqual(0);
      rest = rest.slice(found);
    }
    for (const each of hasNot) expect(text).not.toMatch(each);
  },
);
