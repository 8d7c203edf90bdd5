/** Right-to-left scripts in PDFs: whatever order glyphs are drawn in, the text is in the order in which it is read. */
import { expect, test } from 'vitest';

import { textOf } from './support/extract.ts';
import { drawn, rows } from './support/pdfs.ts';

/** What is seen from left to right, glyph by glyph, and how that is read. */
const LINES: [name: string, seen: string | string[], read: string][] = [
  ['a word with lam-alef', ['م', 'لا', 'س'], 'سلام'],
  ['lam-alef as a character of its own', ['م', 'ﻼ', 'س'], 'سلام'],
  ['the article, which is alef-lam', ['ب', 'ا', 'ت', 'ك', 'ل', 'ا'], 'الكتاب'],
  ['lam-alef with hamza after the article', ['د', 'لا', 'و', 'لأ', 'ا'], 'الأولاد'],
  ['forms of letters at their places in a word', ['ﻢ', 'ﻌ', 'ﻧ'], 'نعم'],
  ['a ligature of four letters', ['ر', 'الله', 'س'], 'سالله\u0631'],
  ['a ligature of four letters that is a character', ['ر', 'ﷲ', 'س'], 'سالله\u0631'],
  ['a ligature of three letters', ['لمح', 'ا'], 'المح'],
  ['Persian with a joiner', ['م', 'ه', 'ا', 'و', 'خ', '\u200c', 'ی', 'م'], 'می\u200cخواهم'],
  ['Urdu', ['ے', 'ہ', ' ', 'ب', 'ا', 'ت', 'ک'], 'کتاب ہے'],
  ['Hebrew', ['ם', 'ל', 'ו', 'ע', ' ', 'ם', 'ו', 'ל', 'ש'], 'שלום עולם'],
  ['a number', 'הנש 2024 ךותב', 'בתוך 2024 שנה'],
  ['a number with a fraction', '2024/15 דקע', 'עקד 2024/15'],
  ['a price', 'ח"ש 1,250.50 ריחמ', 'מחיר 1,250.50 ש"ח'],
  ['a share', 'החנה 50%', '50% הנחה'],
  ['Arabic digits', '٢٠٢٤ ةنس', 'سنة ٢٠٢٤'],
  ['Latin words', 'ب .Threadmill Inc ةكرش', 'شركة Threadmill Inc. ب'],
  ['brackets', '.(רצק) ךורא', 'ארוך (קצר).'],
  [
    'a sentence of Latin words with one of Hebrew',
    'The word םולש means peace.',
    'The word שלום means peace.',
  ],
];

for (const order of ['from the left', 'from the right'] as const) {
  test.each(LINES)(`%s is read as it is written, drawn ${order}`, async (_, seen, read) => {
    expect(await textOf('a.pdf', rows([seen], order))).toBe(`${read}\n\n`);
  });
}

test('lines keep their order, and a sentence in another script its direction', async () => {
  const page = rows(
    ['.הנושארה הרושה', 'A line in English, of no hurry.', '.היינשה הרושה'],
    'from the left',
  );
  expect(await textOf('a.pdf', page)).toBe(
    'השורה הראשונה.\nA line in English, of no hurry.\nהשורה השנייה.\n\n',
  );
});

test('vowel marks that are drawn by themselves stay with their letters', async () => {
  // Raised, lowered, and begun left of the letter, as fonts do it.
  const page = drawn([
    { text: 'م', x: 50, y: 700 },
    { text: 'لا', x: 62, y: 700 },
    { text: '\u064e', x: 73, y: 704 },
    { text: 'س', x: 74, y: 700 },
    { text: '\u0652', x: 48, y: 697 },
  ]);
  expect(await textOf('a.pdf', page)).toBe('سَلامْ\n\n');
});

test('letters that a font raises are no lines of their own', async () => {
  const word = ['م', 'ك', 'ي', 'ل', 'ع'];
  const page = drawn(word.map((text, index) => ({ text, x: 50 + index * 12, y: 700 + index * 2 })));
  expect(await textOf('a.pdf', page)).toBe('عليكم\n\n');
});

test('words that are apart have a space, also without one in the file', async () => {
  const at = (word: readonly string[], from: number) =>
    word.map((text, index) => ({ text, x: from + index * 12, y: 700 }));
  const page = drawn([...at(['م', 'لا', 'س'], 50), ...at(['ر', 'ح', 'ب'], 100)]);
  expect(await textOf('a.pdf', page)).toBe('بحر سلام\n\n');
});

test('a line that stands upright is read from the side', async () => {
  const page = drawn(['م', 'لا', 'س'].map((text, index) => ({ text, x: 50, y: 600 + index * 12 })));
  const turned = Buffer.from(
    page.toString('latin1').replaceAll(/(\d+) (\d+) Td/g, '0 1 -1 0 $1 $2 Tm'),
    'latin1',
  );
  expect(await textOf('a.pdf', turned)).toBe('سلام\n\n');
});
