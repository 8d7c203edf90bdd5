/** What a reader of a PDF sees is in its text: forms, comments, replaced and mapped characters; and what is no text is told. */
import { expect, test } from 'vitest';

import { pdf, stream } from './support/documents.ts';
import { chunksOf, textOf } from './support/extract.ts';
import { annotated, cjk, drawn, hex, onePage } from './support/pdfs.ts';

const FIELD = '/Subtype /Widget';
const NO_TEXT =
  'The PDF has no text: scanned pages need text recognition before they can be searched.';
const NO_MEANING =
  'The text of the PDF has no meaning: its pages need text recognition before they can be searched.';

const row = (text: string) =>
  drawn(Array.from(text).map((shown, index) => ({ text: shown, x: 50 + index * 12, y: 700 })));

test('fields of a form are shown with their names and values', async () => {
  const form = annotated('Applicant', [
    `${FIELD} /FT /Tx /T (name) /V (Wilhelmina Okonkwo)`,
    `${FIELD} /FT /Tx /T (f1_02) /TU (City of birth) /V <FEFF${hex('Kraków')}>`,
    `${FIELD} /FT /Btn /T (agree) /V /Yes /AS /Yes /AP << /N << /Yes 6 0 R /Off 6 0 R >> >>`,
    `${FIELD} /FT /Btn /T (married) /V /Off /AS /Off /AP << /N << /Yes 6 0 R /Off 6 0 R >> >>`,
    `${FIELD} /FT /Ch /Ff 131072 /T (country) /Opt [[(ng) (Nigeria)] [(pl) (Poland)]] /V (pl)`,
    `${FIELD} /FT /Ch /Ff 2097152 /T (languages) /Opt [(Igbo) (Polish) (Thai)] /V [(Igbo) (Thai)] /I [0 2]`,
    `${FIELD} /FT /Tx /T (empty)`,
    `${FIELD} /FT /Tx /Ff 8192 /T (secret) /V (not to be read)`,
    `${FIELD} /FT /Tx /T (unseen) /V (not to be read) /F 2`,
    `${FIELD} /FT /Btn /Ff 65536 /T (send) /MK << /CA (Send) >>`,
  ]);
  expect(await textOf('a.pdf', form)).toBe(
    'Applicant\nname: Wilhelmina Okonkwo\nCity of birth: Kraków\nagree: Yes\nmarried: Off\n' +
      'country: Poland\nlanguages: Igbo, Thai\n\n',
  );
});

test('fields have the names and values of the fields that they are parts of', async () => {
  const form = onePage(
    {
      content: '',
      annotations: [
        '<< /Type /Annot /Subtype /Widget /Parent 6 0 R /Rect [9 9 99 29] /F 4 >>',
        '<< /Type /Annot /Subtype /Widget /Parent 7 0 R /Rect [9 40 19 50] /F 4 /AS /0 /AP << /N << /0 8 0 R /Off 8 0 R >> >> >>',
        '<< /Type /Annot /Subtype /Widget /Parent 7 0 R /Rect [9 60 19 70] /F 4 /AS /Off /AP << /N << /1 8 0 R /Off 8 0 R >> >> >>',
      ],
    },
    [
      '<< /FT /Tx /T (street) /V (Harbour Lane 7) /Kids [10 0 R] >>',
      '<< /FT /Btn /Ff 49152 /T (colour) /V /0 /Opt [(deep red) (blue)] /Kids [11 0 R 12 0 R] >>',
      stream('', '/Type /XObject /Subtype /Form /BBox [0 0 9 9]'),
    ],
    '/AcroForm << /Fields [6 0 R 7 0 R] >>',
  );
  expect(await textOf('a.pdf', form)).toBe('street: Harbour Lane 7\ncolour: deep red\n\n');
});

test('comments and texts that were put over the page are read, links and windows of comments are not', async () => {
  const page = annotated('Draft', [
    '/Subtype /FreeText /Contents (Stamped marmalade note) /DA (/Helv 12 Tf 0 g)',
    `/Subtype /Text /Contents <FEFF${hex('Prüfer: zu teuer')}>`,
    '/Subtype /Highlight /Contents (Marked chutney) /QuadPoints [100 640 300 640 100 620 300 620]',
    '/Subtype /Link /Contents (a link)',
    '/Subtype /Popup /Contents (a window)',
    '/Subtype /Text /Contents (hidden) /F 2',
  ]);
  expect(await textOf('a.pdf', page)).toBe(
    'Draft\nStamped marmalade note\nPrüfer: zu teuer\nMarked chutney\n\n',
  );
});

const XFA =
  'The PDF is an XFA form, which only programs of Adobe show: save it as a PDF with pages, for instance by printing it.';
test.each([
  ['that says so', 'Empty', '/XFA [(template) 6 0 R]', '/NeedsRendering true'],
  ['that has a page in its place', 'Please wait... If this message', '/XFA [(template) 6 0 R]', ''],
])('a form that only Adobe draws, %s, is refused with the reason', async (_, text, form, root) => {
  const file = annotated(text, [], form)
    .toString('latin1')
    .replace('/AcroForm', `${root} /AcroForm`);
  await expect(chunksOf('a.pdf', shifted(file))).rejects.toMatchObject({
    code: 'invalid_file',
    message: XFA,
  });
});

test('a form of XFA that has pages is read', async () => {
  const page = annotated('Pages of its own', [], '/XFA [(template) 6 0 R]');
  expect(await textOf('a.pdf', page)).toBe('Pages of its own\n\n');
});

test.each([
  ['90ms-RKSJ-H', 'Japan1', '93fa967b8cea82cc8c5f96f18f91', '日本語の契約書'],
  ['EUC-H', 'Japan1', 'c6fccbdcb8ec', '日本語'],
  ['UniJIS-UTF16-H', 'Japan1', hex('契約書'), '契約書'],
  ['GBK-EUC-H', 'GB1', 'bacfcdacb1e0bac5', '合同编号'],
  ['UniGB-UCS2-H', 'GB1', hex('合同编号'), '合同编号'],
  ['ETen-B5-H', 'CNS1', 'a658acf9', '合約'],
  ['UniCNS-UTF16-H', 'CNS1', hex('合約'), '合約'],
  ['KSCms-UHC-H', 'Korea1', 'b0e8bee0bcad', '계약서'],
  ['UniKS-UCS2-H', 'Korea1', hex('계약서'), '계약서'],
])(
  'a font that rests on the character map %s is read',
  async (encoding, collection, code, text) => {
    expect(await textOf('a.pdf', cjk(encoding, collection, Buffer.from(code, 'hex')))).toBe(
      `${text}\n\n`,
    );
  },
);

test('what marked content stands for replaces what it draws', async () => {
  const content =
    'BT /F 20 Tf 50 700 Td (Read ) Tj /Span << /ActualText (replacement words) >> BDC (xqz) Tj EMC ( here) Tj ET';
  expect(await textOf('a.pdf', onePage({ content }))).toBe('Read replacement words here\n\n');
});

test('a word that is hyphenated at the end of a line keeps its hyphen and its line', async () => {
  const content = 'BT /F 20 Tf 50 700 Td (The mara-) Tj 0 -30 Td (thon runner) Tj ET';
  expect(await textOf('a.pdf', onePage({ content }))).toBe('The mara-\nthon runner\n\n');
});

test.each([
  ['control characters', row('\u0001\u0002\u0003\u0004\u0005')],
  ['zeros', drawn([{ text: '\0', x: 50, y: 700 }])],
  ['characters for unknown ones', row('\ufffd\ufffd\ufffd')],
  ['characters of private use', row('\ue000\ue001\uf0b7\ue003')],
  [
    'glyphs of a font without characters',
    onePage(
      {
        content: 'BT /F 20 Tf 50 700 Td <002400250026> Tj ET',
        font: '<< /Type /Font /Subtype /Type0 /BaseFont /AAAAAA+Own /Encoding /Identity-H /DescendantFonts [6 0 R] >>',
      },
      [
        '<< /Type /Font /Subtype /CIDFontType2 /BaseFont /AAAAAA+Own /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor 7 0 R >>',
        '<< /Type /FontDescriptor /FontName /AAAAAA+Own /Flags 4 /FontBBox [0 0 1000 1000] /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 >>',
      ],
    ),
  ],
  [
    'glyphs with names of their own',
    onePage({
      content: 'BT /F 20 Tf 50 700 Td (ABC) Tj ET',
      font: '<< /Type /Font /Subtype /Type1 /BaseFont /AAAAAA+Own /Encoding << /Differences [65 /g12 /g13 /g14] >> >>',
    }),
  ],
])('%s are no text, and the file says what it needs', async (_, file) => {
  await expect(chunksOf('a.pdf', file)).rejects.toMatchObject({
    code: 'invalid_file',
    message: NO_MEANING,
  });
});

test('pages that can be read are, beside those that are pictures or mean nothing', async () => {
  const pages = pdf([['A good page'], ['\x01\x02\x03\x04'], [], ['Another good page']]);
  const chunks = await chunksOf('a.pdf', pages, { maxTokens: 100, overlapTokens: 0 });
  expect(chunks.map(({ text }) => text).join('')).toBe('A good page\n\nAnother good page\n\n');
});

test('a comment on a scanned page is found, and a page without either is told from one', async () => {
  const commented = annotated('', ['/Subtype /Text /Contents (Seen by the auditor)']);
  expect(await textOf('a.pdf', commented)).toBe('Seen by the auditor\n\n');
  await expect(chunksOf('a.pdf', annotated('', []))).rejects.toMatchObject({ message: NO_TEXT });
});

test('a few glyphs without characters do not spoil a page', async () => {
  expect(await textOf('a.pdf', row('Total \u0001\u0002 12 euros'))).toMatch(/^Total +12 euros\n/);
});

test('characters beyond the first 65,536 are whole', async () => {
  expect(await textOf('a.pdf', row('😀 𠮷野家'))).toBe('😀 𠮷野家\n\n');
});

test('a page that needs more memory than parsing may use is refused for that', async () => {
  const content = `BT /F 12 Tf 72 720 Td ${'(a ) Tj '.repeat(3_000_000)} ET`;
  const limits = { memoryBytes: 128 * 1024 * 1024 };
  await expect(chunksOf('a.pdf', onePage({ content }), { limits })).rejects.toMatchObject({
    code: 'invalid_file',
    message: 'The file needs more memory than parsing may use.',
  });
});

test('a file none of whose pages can be read is damaged', async () => {
  const file = pdf([['A page']])
    .toString('latin1')
    .replace('/Kids [4 0 R]', '/Kids [9 0 R]');
  await expect(chunksOf('a.pdf', Buffer.from(file, 'latin1'))).rejects.toMatchObject({
    message: 'The file is not a PDF, or it is damaged.',
  });
});

/** A file that was changed, with its table of objects left out: readers make one. */
function shifted(file: string): Buffer {
  return Buffer.from(file.replace(/xref\n0[^]*?(?=trailer)/, ''), 'latin1');
}
