/** What comes out of a good document of every format, and what is said about one that is not. */
import { expect, test } from 'vitest';

import { docx, doc, paragraph, pdf, pptx, word } from './support/documents.ts';
import { chunksOf, textOf } from './support/extract.ts';

test('a PDF gives its lines, and the page of each chunk', async () => {
  const file = pdf([
    ['Threadmill 1'],
    ['The second page (in brackets)', 'has two lines.'],
    [],
    ['Fourth.'],
  ]);
  const [chunk] = await chunksOf('a.pdf', file);
  expect(chunk?.text).toBe(
    'Threadmill 1\n\nThe second page (in brackets)\nhas two lines.\n\nFourth.\n\n',
  );
  expect(chunk).toMatchObject({ page: 1, start: 0 });

  const long = (word: string) => Array.from({ length: 40 }, () => `${word} `.repeat(12));
  const chunks = await chunksOf('b.PDF', pdf([long('alpha'), long('beta')]), {
    maxTokens: 400,
    overlapTokens: 0,
  });
  expect(chunks.find(({ text }) => /^\s*alpha/.test(text))?.page).toBe(1);
  expect(chunks.find(({ text }) => /^\s*beta/.test(text))?.page).toBe(2);
});

test('a Word document gives paragraphs, tables, notes and headers', async () => {
  const cell = (text: string) => `<w:tc>${paragraph(text)}</w:tc>`;
  const row = (...cells: string[]) => `<w:tr>${cells.map(cell).join('')}</w:tr>`;
  const body = [
    '<w:p><w:pPr><w:tabs><w:tab w:val="left"/></w:tabs></w:pPr><w:r><w:t>First</w:t></w:r><w:r><w:tab/><w:t>tabbed</w:t></w:r></w:p>',
    '<w:p><w:r><w:t>Fish &amp; chips &#8364;5</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r></w:p>',
    `<w:tbl>${row('a', 'b')}${row('', '')}${row('c', 'd')}</w:tbl>`,
    '<w:p><w:r><w:t>kept</w:t></w:r><w:del><w:r><w:delText>deleted</w:delText></w:r></w:del><w:r><w:br/><w:t>broken</w:t></w:r></w:p>',
    '<mc:AlternateContent><mc:Choice><w:p><w:r><w:t>box</w:t></w:r></w:p></mc:Choice><mc:Fallback><w:p><w:r><w:t>box</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent>',
  ].join('');
  const header = { data: word('hdr', paragraph('Report of 2026')) };
  const text = await textOf(
    'a.docx',
    docx(body, [
      {
        name: 'word/footnotes.xml',
        data: word('footnotes', `<w:footnote w:id="2">${paragraph('A footnote.')}</w:footnote>`),
      },
      { name: 'word/header1.xml', ...header },
      { name: 'word/header2.xml', ...header },
    ]),
  );
  const lines = text.split('\n').map((line) => line.trimEnd());
  expect(lines.filter((line) => line !== '')).toEqual([
    'First\ttabbed',
    'Fish & chips €5[^1]',
    '[^1]: A footnote.',
    '| a | b |',
    '| --- | --- |',
    '| c | d |',
    'kept',
    'broken',
    'box',
    'Report of 2026',
  ]);
});

test('a presentation gives its slides in order, with their notes and numbers', async () => {
  const slides = Array.from({ length: 11 }, (_, index) => ({
    lines: [`Title ${index + 1}`, 'point'],
    notes: `say ${index + 1}`,
  }));
  const text = await textOf('a.pptx', pptx(slides));
  const numbers = [...text.matchAll(/Title (\d+)\s+point\s+say (\d+)/g)].map((m) => [m[1], m[2]]);
  expect(numbers).toEqual(slides.map((_, index) => [`${index + 1}`, `${index + 1}`]));

  const filled = slides.map(({ lines }) => ({ lines: [...lines, 'filler '.repeat(95)] }));
  const chunks = await chunksOf('a.pptx', pptx(filled), { maxTokens: 100, overlapTokens: 0 });
  for (const { text: part, page } of chunks) {
    const title = /^\s*Title (\d+)/.exec(part)?.[1];
    if (title !== undefined) expect(page).toBe(Number(title));
  }
});

test('an older Word document gives its text', async () => {
  expect(await textOf('a.doc', doc('Old but good. €\rSecond paragraph.\r'))).toContain(
    'Old but good. €\nSecond paragraph.',
  );
});

test('a page of HTML gives what it shows', async () => {
  const page = `<!doctype html><html><head><title>Big &amp; small</title><style>p { color: red }</style>
    <script>if (a < b) document.write("<p>not this</p>")</script></head>
    <body><h1>Head<b>line</b></h1><p>One
      paragraph&nbsp;with <a href="x">a   link</a>.<p>Another<br>line
    <ul><li>first<li>second</ul><table><tr><td>a</td><td>b</td></tr><tr><th>c<td>d</table>
    <pre>  kept
    as is</pre><template>nor this</template><svg><text>nor that</text></svg><svg/>&#0;&#xD800;&#x1F600; end</body>`;
  expect(await textOf('a.html', page)).toBe(
    'Big & small\n\n# Headline\n\nOne paragraph\u00a0with a link.\n\nAnother\nline\nfirst\nsecond\n\n' +
      '| a | b |\n| --- | --- |\n| c | d |\n\n  kept\n    as is\n\ufffd\ufffd\u{1F600} end',
  );
});

test.each([
  ['UTF-8', Buffer.from('Grüße, 世界 😀')],
  ['UTF-8 with a mark', Buffer.from('\ufeffGrüße, 世界 😀')],
  ['UTF-16 with a mark', Buffer.from('\ufeffGrüße, 世界 😀', 'utf16le')],
  ['big-endian UTF-16 with a mark', Buffer.from('\ufeffGrüße, 世界 😀', 'utf16le').swap16()],
])('text is read as %s', async (_, bytes) => {
  expect(await textOf('a.txt', bytes)).toBe('Grüße, 世界 😀');
});

test.each([
  ['<meta charset=windows-1252><p>', 'Gr\xfc\xdfe, 5 \x80', 'Grüße, 5 €'],
  [
    `<META http-equiv="Content-Type" content='text/html; charset=ISO-8859-1'><p>`,
    'Gr\xfc\xdfe',
    'Grüße',
  ],
  ['<meta charset="shift_jis"><p>', '\x93\xfa\x96{', '日本'],
  ['<?xml version="1.0" encoding="iso-8859-2"?><p>', '\xb1', 'ą'],
  ['<meta charset="no-such"><p>', 'plain', 'plain'],
  // As browsers take them: bytes that could be read as ASCII are not UTF-16, and a mark is right.
  ['<meta charset="utf-16"><p>', '\xc3\xbc', 'ü'],
  ['\xef\xbb\xbf<meta charset="windows-1252"><p>', '\xc3\xbc', 'ü'],
])('a page that begins with %s is read in that encoding', async (beginning, text, becomes) => {
  expect(await textOf('a.html', Buffer.from(`${beginning}${text}`, 'latin1'))).toBe(becomes);
});

test('a page that is not in the encoding it declares is refused with its name', async () => {
  const page = Buffer.from('<meta charset="euc-kr"><p>\xff\xff', 'latin1');
  await expect(textOf('a.html', page)).rejects.toThrow(
    'The text of the file is neither UTF-8 nor UTF-16, nor euc-kr as it says.',
  );
});

test('UTF-16 is told without a mark', async () => {
  const bytes = Buffer.from('Most of this is Western: Grüße.', 'utf16le');
  expect(await textOf('a.md', bytes)).toBe('Most of this is Western: Grüße.');
  expect(await textOf('a.md', Buffer.from(bytes).swap16())).toBe('Most of this is Western: Grüße.');
});

test.each(['md', 'py', 'TS', 'sh', 'php', 'rb', 'cs', 'cpp', 'java', 'go', 'js', 'css', 'c'])(
  'a .%s file is text as it is',
  async (extension) => {
    const text = 'a,b\r\n\t{"<b>": 1} // &amp; \\end\n';
    expect(await textOf(`archive.tar.${extension}`, text)).toBe(text);
  },
);

test.each([
  ['photo.png', 'unsupported_file', 'Files with the extension .png cannot be searched.'],
  ['table.xls', 'unsupported_file', 'Files with the extension .xls cannot be searched.'],
  ['a.xlsx', 'invalid_file', 'The file is damaged: its archive cannot be read.'],
  ['Makefile', 'unsupported_file', 'Files without an extension cannot be searched.'],
  ['a.txt', 'invalid_file', 'The file has no text.'],
  ['a.html', 'invalid_file', 'The file has no text.'],
  ['a.pdf', 'invalid_file', 'The file is not a PDF, or it is damaged.'],
  ['a.docx', 'invalid_file', 'The file is damaged: its archive cannot be read.'],
  ['a.doc', 'invalid_file', 'The file is not a Word document of the older format (.doc).'],
])('an empty %s fails as %s', async (filename, code, message) => {
  await expect(chunksOf(filename, '')).rejects.toMatchObject({
    name: 'DocumentError',
    code,
    message,
  });
});

test('a PDF of pictures only says what it lacks', async () => {
  await expect(chunksOf('scan.pdf', pdf([[], []]))).rejects.toMatchObject({
    code: 'invalid_file',
    message:
      'The PDF has no text: scanned pages need text recognition before they can be searched.',
  });
});
