/** Workbooks, books, OpenDocument and parts of Word documents made to break a parser. */
import { deflatedBomb, zip } from './archives.ts';
import { paragraph, relations, word } from './documents.ts';
import type { HostileFile } from './hostile-files.ts';
import { wordFile, workbook } from './office.ts';

const MANY = 100_000;
const MEBIBYTE = 1024 * 1024;
const TOO_MUCH = /far more in it/;

const spaces = () => deflatedBomb(' '.repeat(MEBIBYTE), 1024, '<a>', '</a>');

export const OFFICE: HostileFile[] = [
  [
    'a chapter that is a bomb',
    'epub',
    () =>
      zip([
        { name: 'META-INF/container.xml', data: '<c><rootfile full-path="a.opf"/></c>' },
        { name: 'a.opf', data: '<p><item id="a" href="a.html"/><itemref idref="a"/></p>' },
        { name: 'a.html', deflated: spaces() },
      ]),
    TOO_MUCH,
  ],
  [
    'a bomb of OpenDocument',
    'odt',
    () => zip([{ name: 'content.xml', deflated: spaces() }]),
    TOO_MUCH,
  ],
  [
    'cells and spaces without end',
    'ods',
    () =>
      zip([
        {
          name: 'content.xml',
          data: `<spreadsheet>${'<table-row number-rows-repeated="9999999"><table-cell number-columns-repeated="9999999"><p>a<s c="9999999"/></p></table-cell></table-row>'.repeat(10)}`,
        },
      ]),
    '| a | a |',
  ],
  [
    'shared strings that are a bomb',
    'xlsx',
    () =>
      zip([
        { name: 'xl/workbook.xml', data: '<workbook/>' },
        {
          name: 'xl/_rels/workbook.xml.rels',
          data: relations([['x', 'sharedStrings', 'strings.xml']]),
        },
        { name: 'xl/strings.xml', deflated: spaces() },
      ]),
    TOO_MUCH,
  ],
  [
    'a sheet of a million merged cells',
    'xlsx',
    () =>
      workbook([
        {
          name: 'S',
          rows: '<row r="1"><c r="A1"><v>7</v></c></row>',
          after: '<mergeCell ref="A1:XFD1048576"/>'.repeat(MANY),
        },
      ]),
    '7',
  ],
  [
    'a number format that never ends',
    'xlsx',
    () =>
      workbook([{ name: 'S', rows: '<row><c s="3"><v>7</v></c></row>' }], {
        formats: ['0'.repeat(MANY), `${'[>1]'.repeat(MANY)}0`],
      }),
    '7',
  ],
  [
    'a list that refers to itself',
    'docx',
    () =>
      wordFile('<w:p><w:pPr><w:pStyle w:val="A"/></w:pPr><w:r><w:t>kept</w:t></w:r></w:p>', {
        styles:
          '<w:styles><w:style w:styleId="A"><w:basedOn w:val="B"/></w:style><w:style w:styleId="B"><w:basedOn w:val="A"/></w:style></w:styles>',
        numbering:
          '<w:numbering><w:abstractNum w:abstractNumId="0"><w:numStyleLink w:val="A"/><w:styleLink w:val="A"/></w:abstractNum></w:numbering>',
      }),
    'kept',
  ],
  [
    'a document in place of a paragraph of itself',
    'docx',
    () => {
      const again = (inner: Buffer | string, type: string) =>
        zip([
          {
            name: 'word/document.xml',
            data: word('document', `<w:body>${paragraph('again')}<w:altChunk r:id="x"/></w:body>`),
          },
          { name: 'word/_rels/document.xml.rels', data: relations([['x', 'aFChunk', type]]) },
          { name: 'word/inner', data: inner },
        ]);
      let file = again('', 'document.xml');
      for (let depth = 0; depth < 10; depth += 1) file = again(file, 'inner');
      return file;
    },
    'again',
  ],
];
