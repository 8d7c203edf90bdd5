/** PDFs that are broken, locked, endless, or want to do something. */
import { deflateSync } from 'node:zlib';

import { docx, paragraph, pdf, pdfOf, stream } from './documents.ts';
import type { HostileFile } from './hostile-files.ts';

const NOT_A_PDF = /not a PDF/;
const MEBIBYTE = 1024 * 1024;

const good = () => pdf([['good text']]);
const page = (contents: string, more = '') =>
  `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${contents} /Resources << /Font << /F1 3 0 R >> ${more} >> >>`;
/** One page (object 4) with its content in object 5, and what follows. */
const onePage = (content: string, { font = FONT, resources = '', more = [] as string[] } = {}) =>
  pdfOf([CATALOG, PAGES, font, page('5 0 R', resources), content, ...more]);
const CATALOG = '<< /Type /Catalog /Pages 2 0 R >>';
const PAGES = '<< /Type /Pages /Kids [4 0 R] /Count 1 >>';
const FONT = '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>';
const shown = 'BT /F1 12 Tf 72 720 Td (shown) Tj ET';
const flate = (content: string | Buffer) => stream(deflateSync(content), '/Filter /FlateDecode');

export const PDFS: HostileFile[] = [
  ['only the first line', 'pdf', () => Buffer.from('%PDF-1.7\n'), NOT_A_PDF],
  ['the first half', 'pdf', () => good().subarray(0, 300)],
  ['the second half', 'pdf', () => good().subarray(300)],
  ['noise in the middle', 'pdf', () => good().fill(0xa5, 200, 400)],
  [
    'no table of objects',
    'pdf',
    () =>
      Buffer.from(
        good()
          .toString('latin1')
          .replace(/xref[^]*(?=trailer)/, ''),
        'latin1',
      ),
    'good text',
  ],
  [
    'a picture by another name',
    'pdf',
    () => Buffer.from('\x89PNG\r\n\x1a\n' + 'x'.repeat(1000), 'latin1'),
    NOT_A_PDF,
  ],
  ['a document by another name', 'pdf', () => docx(paragraph('a')), NOT_A_PDF],
  ['a megabyte of zeros', 'pdf', () => Buffer.alloc(MEBIBYTE), NOT_A_PDF],
  [
    'a password',
    'pdf',
    () =>
      pdf([['secret']], {
        trailer:
          `/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <${'11'.repeat(32)}> /U <${'22'.repeat(32)}> >> ` +
          `/ID [<${'33'.repeat(16)}> <${'33'.repeat(16)}>]`,
      }),
    /password/,
  ],
  [
    'a lock of an unknown kind',
    'pdf',
    () => pdf([['secret']], { trailer: '/Encrypt << /Filter /Magic /V 99 >>' }),
  ],
  [
    'pages within themselves',
    'pdf',
    () => pdfOf([CATALOG, '<< /Type /Pages /Kids [2 0 R] /Count 1 >>']),
  ],
  [
    'a billion pages',
    'pdf',
    () => pdfOf([CATALOG, '<< /Type /Pages /Kids [] /Count 1000000000 >>']),
  ],
  [
    'a negative number of pages',
    'pdf',
    () => pdfOf([CATALOG, '<< /Type /Pages /Kids [] /Count -5 >>']),
  ],
  ['6,000 pages', 'pdf', () => pdf(Array.from({ length: 6_000 }, () => ['a'])), /6000 pages/],
  ['a gibibyte of white space', 'pdf', () => onePage(flate(Buffer.alloc(256 * MEBIBYTE, ' ')))],
  [
    'compression in compression',
    'pdf',
    () => {
      const twice = deflateSync(deflateSync(Buffer.alloc(256 * MEBIBYTE, ' ')));
      return onePage(stream(twice, '/Filter [/FlateDecode /FlateDecode]'));
    },
  ],
  [
    'a hundred filters',
    'pdf',
    () => onePage(stream('00>', `/Filter [${'/ASCIIHexDecode '.repeat(100)}]`)),
  ],
  [
    'a length that is a lie',
    'pdf',
    () => onePage(stream(shown).replace(/Length \d+/, 'Length 999999999')),
    'shown',
  ],
  [
    'a length that is itself',
    'pdf',
    () => onePage(stream(shown).replace(/Length \d+/, 'Length 5 0 R')),
  ],
  ['a negative length', 'pdf', () => onePage(stream(shown).replace(/Length \d+/, 'Length -1'))],
  ['a table of objects before itself', 'pdf', () => pdf([['loop']], { trailer: '/Prev 9' })],
  [
    'a million objects declared',
    'pdf',
    () =>
      Buffer.from(
        good()
          .toString('latin1')
          .replace(/xref\n0 \d+/, 'xref\n0 99999999'),
        'latin1',
      ),
  ],
  [
    'a script to run when it is opened',
    'pdf',
    () =>
      pdf([['quiet']], {
        catalog: '/OpenAction << /S /JavaScript /JS (app.alert\\(1\\); while \\(1\\) {}) >>',
      }),
    'quiet',
  ],
  [
    'a program to start',
    'pdf',
    () =>
      pdf([['quiet']], {
        catalog: '/OpenAction << /S /Launch /F (/bin/sh) >> /AcroForm << /XFA (x) /Fields [] >>',
      }),
    'quiet',
  ],
  [
    'a font that is a script',
    'pdf',
    () =>
      onePage(stream(shown), {
        font: '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /FontMatrix [1 0 0 1 0 (0\\); process.exit\\(1\\); //)] >>',
      }),
  ],
  [
    'a form that draws itself',
    'pdf',
    () =>
      onePage(stream(`/X Do ${shown}`), {
        resources: '/XObject << /X 6 0 R >>',
        more: [
          stream(
            '/X Do',
            '/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 6 0 R >> >>',
          ),
        ],
      }),
    'shown',
  ],
  [
    'a million words, one by one',
    'pdf',
    () => onePage(flate(`BT /F1 12 Tf 72 720 Td ${'(a ) Tj '.repeat(1_000_000)} ET`)),
  ],
  ['a million open states', 'pdf', () => onePage(flate(`${'q '.repeat(1_000_000)} ${shown}`))],
  [
    'arrays a hundred thousand deep',
    'pdf',
    () => onePage(flate(`${'['.repeat(100_000)} ${shown}`)),
  ],
  [
    'dictionaries a hundred thousand deep',
    'pdf',
    () => pdf([['deep']], { more: [`${'<< /a '.repeat(100_000)} 1 ${'>>'.repeat(100_000)}`] }),
    'deep',
  ],
  [
    'a string that never ends',
    'pdf',
    () => onePage(flate(`BT /F1 12 Tf (${'('.repeat(2_000_000)}`)),
  ],
  [
    'half characters and zeros',
    'pdf',
    () =>
      onePage(stream('BT /F1 12 Tf 72 720 Td <414243> Tj ET'), {
        font: `${FONT.slice(0, -2)} /ToUnicode 6 0 R >>`,
        more: [
          stream(
            'begincmap 1 begincodespacerange <00> <ff> endcodespacerange 3 beginbfchar <41> <D800> <42> <0000> <43> <0063> endbfchar endcmap',
          ),
        ],
      }),
    'c',
  ],
  [
    'a map of every character, many times',
    'pdf',
    () =>
      onePage(stream(shown), {
        font: `${FONT.slice(0, -2)} /ToUnicode 6 0 R >>`,
        more: [
          flate(
            `begincmap 1 begincodespacerange <0000> <ffff> endcodespacerange ${'1 beginbfrange <0000> <ffff> <0041> endbfrange '.repeat(2_000)} endcmap`,
          ),
        ],
      }),
  ],
  [
    'a picture of a billion points',
    'pdf',
    () =>
      onePage(stream(`/I Do ${shown}`), {
        resources: '/XObject << /I 6 0 R >>',
        more: [
          stream(
            'x',
            '/Type /XObject /Subtype /Image /Width 99999 /Height 99999 /BitsPerComponent 8 /ColorSpace /DeviceRGB /Filter /JPXDecode',
          ),
        ],
      }),
    'shown',
  ],
];
