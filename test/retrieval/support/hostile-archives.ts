/** Word and PowerPoint files that lie, never end, or are something else. */
import { deflatedBomb, zip } from './archives.ts';
import type { Entry } from './archives.ts';
import { doc, docx, paragraph, pdf, pptx, slide, word } from './documents.ts';
import type { HostileFile } from './hostile-files.ts';

const MEBIBYTE = 1024 * 1024;
const TOO_MUCH = /far more in it/;
const DAMAGED = /damaged/;

const documentOf = (xml: string | Buffer, more: Entry[] = []) =>
  zip([{ name: 'word/document.xml', data: xml }, ...more]);
const body = (inner: string) => word('document', `<w:body>${inner}</w:body>`);
const bomb = (repeated: string, times: number) =>
  deflatedBomb(
    repeated,
    times,
    '<w:document><w:body><w:p><w:r><w:t>',
    '</w:t></w:r></w:p></w:body></w:document>',
  );
const spaces = () => bomb(' '.repeat(MEBIBYTE), 1024);
const damaged = (file: Buffer, at: number) => {
  file.fill(0xff, at, at + 40);
  return file;
};

export const ARCHIVES: HostileFile[] = [
  [
    'a gibibyte of white space',
    'docx',
    () => zip([{ name: 'word/document.xml', deflated: spaces() }]),
    TOO_MUCH,
  ],
  [
    'a bomb that declares no bytes',
    'docx',
    () => zip([{ name: 'word/document.xml', deflated: spaces(), declaredBytes: 0 }]),
    TOO_MUCH,
  ],
  [
    'a bomb that declares a few bytes, of words',
    'docx',
    () =>
      zip([
        {
          name: 'word/document.xml',
          deflated: bomb('boom '.repeat(MEBIBYTE / 5), 1024),
          declaredBytes: 900,
        },
      ]),
    TOO_MUCH,
  ],
  [
    'a bomb of elements',
    'docx',
    () => zip([{ name: 'word/document.xml', deflated: bomb('<w:p/>'.repeat(MEBIBYTE / 6), 1024) }]),
    TOO_MUCH,
  ],
  [
    'a bomb in the footnotes',
    'docx',
    () => docx(paragraph('a'), [{ name: 'word/footnotes.xml', deflated: spaces() }]),
    TOO_MUCH,
  ],
  [
    'a bomb in a slide',
    'pptx',
    () => zip([{ name: 'ppt/slides/slide1.xml', deflated: spaces() }]),
    TOO_MUCH,
  ],
  [
    'a bomb in a slide’s relations',
    'pptx',
    () =>
      zip([
        { name: 'ppt/slides/slide1.xml', data: slide('a') },
        { name: 'ppt/slides/_rels/slide1.xml.rels', deflated: spaces() },
      ]),
    TOO_MUCH,
  ],
  [
    'four thousand headers that share one bomb',
    'docx',
    () => {
      const shared = deflatedBomb(' '.repeat(MEBIBYTE), 10);
      const headers = Array.from({ length: 4_000 }, (_, index) => ({
        name: `word/header${index}.xml`,
        deflated: shared,
        ...(index === 0 ? {} : { sameDataAs: 3 }),
      }));
      return docx(paragraph('a'), headers);
    },
    TOO_MUCH,
  ],
  [
    'an archive in an archive, with a bomb in it',
    'docx',
    () =>
      docx(paragraph('only this'), [
        { name: 'word/embeddings/inner.docx', data: zip([{ name: 'x', deflated: spaces() }]) },
      ]),
    'only this',
  ],
  ['an archive as its text', 'docx', () => documentOf(docx(paragraph('inner')))],
  [
    '20,000 parts',
    'docx',
    () => zip(Array.from({ length: 20_000 }, (_, index) => ({ name: `${index}`, data: '' }))),
    /20000 parts/,
  ],
  [
    '6,000 slides',
    'pptx',
    () => pptx(Array.from({ length: 6_000 }, () => ({ lines: ['a'] }))),
    /6000 parts/,
  ],
  [
    'more parts declared than there are',
    'docx',
    () => zip([{ name: 'word/document.xml', data: '' }], { declaredEntries: 4_000 }),
    DAMAGED,
  ],
  [
    'a directory that is not there',
    'docx',
    () => zip([{ name: 'word/document.xml', data: '' }], { directoryAt: 0xfffffff0 }),
    DAMAGED,
  ],
  [
    'a directory that is the file',
    'docx',
    () => zip([{ name: 'word/document.xml', data: '' }], { directoryAt: 0 }),
    DAMAGED,
  ],
  [
    'data that is not there',
    'docx',
    () => zip([{ name: 'word/document.xml', data: 'x', declaredOffset: 0xfffffff0 }]),
    DAMAGED,
  ],
  [
    'paths out of the archive',
    'docx',
    () =>
      docx(paragraph('safe'), [
        { name: '../../../../etc/passwd', data: 'x' },
        { name: '/etc/shadow', data: 'x' },
        { name: 'C:\\x', data: 'x' },
      ]),
    'safe',
  ],
  [
    'a symbolic link as its text',
    'docx',
    () =>
      zip([{ name: 'word/document.xml', data: '/etc/passwd', attributes: 0xa1ff0000, method: 0 }]),
    /not a Word document/,
  ],
  [
    'a part with a password',
    'docx',
    () => zip([{ name: 'word/document.xml', data: 'x', flags: 1 }]),
    /password/,
  ],
  [
    'a compression of the future',
    'docx',
    () => zip([{ name: 'word/document.xml', data: 'x', method: 99 }]),
    DAMAGED,
  ],
  ['half of a file', 'docx', () => half(docx(paragraph('word '.repeat(1_000)))), DAMAGED],
  [
    'broken compression',
    'docx',
    () => damaged(documentOf(body(paragraph(noise(5_000)))), 47),
    DAMAGED,
  ],
  ['no parts', 'docx', () => zip([]), /not a Word document/],
  [
    'a spreadsheet by another name',
    'docx',
    () => zip([{ name: 'xl/workbook.xml', data: '<a/>' }]),
    /not a Word document/,
  ],
  ['a document as a presentation', 'pptx', () => docx(paragraph('a')), /not a PowerPoint/],
  ['an older document as a newer one', 'docx', () => doc('text'), /older format/],
  ['a PDF as a document', 'docx', () => pdf([['text']]), DAMAGED],
  [
    'names of zeros',
    'docx',
    () => docx(paragraph('kept'), [{ name: 'word/\0document.xml', data: 'x' }]),
    'kept',
  ],
  [
    'the same name twice',
    'docx',
    () =>
      docx(paragraph('first'), [{ name: 'word/document.xml', data: body(paragraph('second')) }]),
    'second',
  ],
  [
    'a slide numbered far too high',
    'pptx',
    () => zip([{ name: `ppt/slides/slide${'9'.repeat(40)}.xml`, data: slide('far') }]),
    'far',
  ],
  [
    'a slide that is its own notes',
    'pptx',
    () =>
      zip([
        { name: 'ppt/slides/slide1.xml', data: slide('once') },
        {
          name: 'ppt/slides/_rels/slide1.xml.rels',
          data: '<R Target="../../../../etc/passwd"/><R Target="../slides/slide1.xml"/>',
        },
      ]),
    'once',
  ],
  [
    'entities of entities',
    'docx',
    () => documentOf(`<!DOCTYPE w [${billionLaughs()}]>${body(paragraph('safe &i;'))}`),
    'safe',
  ],
  [
    'an entity that is a file',
    'docx',
    () =>
      documentOf(
        `<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]>${body(paragraph('safe &x;'))}`,
      ),
    'safe',
  ],
  [
    'text in UTF-16',
    'docx',
    () => documentOf(Buffer.from(`\ufeff${body(paragraph('sechzehn'))}`, 'utf16le')),
    'sechzehn',
  ],
  [
    'text in no encoding',
    'docx',
    () => documentOf(Buffer.from(body(paragraph('caf\xe9')), 'latin1')),
    /neither UTF-8/,
  ],
  [
    'a million empty paragraphs',
    'docx',
    () => documentOf(body('<w:p/>'.repeat(1_000_000))),
    /no text/,
  ],
  [
    'a million paragraphs of a letter',
    'docx',
    () => documentOf(body('<w:p><w:r><w:t>a</w:t></w:r></w:p>'.repeat(1_000_000))),
  ],
  ['a million elements deep', 'docx', () => documentOf(body('<w:p>'.repeat(1_000_000)))],
  [
    'tables a hundred thousand deep',
    'docx',
    () => documentOf(body(`${'<w:tbl><w:tr><w:tc>'.repeat(100_000)}${paragraph('deep')}`)),
    /no text/,
  ],
  [
    'an attribute of 10 MB',
    'docx',
    () => documentOf(body(`<w:p a="${noise(10_000_000)}"/>${paragraph('after')}`)),
    'after',
  ],
  [
    'a name of 10 MB',
    'docx',
    () => documentOf(body(`<w:${noise(10_000_000)}/>${paragraph('after')}`)),
    'after',
  ],
  [
    'a tag that never ends',
    'docx',
    () => documentOf(`${body(paragraph('begun'))}<w:p a="`),
    'begun',
  ],
  ['nothing but angle brackets', 'docx', () => documentOf('<'.repeat(1_000_000))],
  ['an older document whose sectors never end', 'doc', () => doc('text', 2)],
  ['half of an older document', 'doc', () => half(doc('text '.repeat(2_000)))],
  [
    'an older document of noise',
    'doc',
    () => Buffer.concat([doc('x').subarray(0, 8), Buffer.from(noise(100_000))]),
  ],
  [
    'rich text as an older document',
    'doc',
    () => Buffer.from('{\\rtf1 text}'),
    /not a Word document/,
  ],
  ['a newer document as an older one', 'doc', () => docx(paragraph('a')), /not a Word document/],
];

function half(file: Buffer): Buffer {
  return file.subarray(0, Math.floor(file.length / 2));
}

/** The same every time, and hardly to be compressed. */
function noise(length: number): string {
  const bytes = Buffer.alloc(length);
  let state = 1;
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[index] = 97 + ((state >>> 16) % 26);
  }
  return bytes.toString('latin1');
}

function billionLaughs(): string {
  const names = 'abcdefghi'.split('');
  const levels = names.map(
    (name, index) =>
      `<!ENTITY ${name} "${(index === 0 ? 'ha' : `&${names[index - 1]};`).repeat(10)}">`,
  );
  return levels.join('');
}
