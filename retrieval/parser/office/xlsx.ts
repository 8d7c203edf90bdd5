/** Workbooks: each visible sheet has a heading and its rows as tables. An empty row ends a table. */
import type { Piece } from '../../chunk-text.ts';
import type { ParseLimits } from '../../document.ts';
import { createTable, heading, oneLine } from '../markdown.ts';
import type { Cell } from '../markdown.ts';
import { drawingText, richText } from './drawings.ts';
import { child, descendants, elements, readElements, textOf } from './elements.ts';
import type { Element } from './elements.ts';
import { notA, openPackage, relationId, targetsOf } from './package.ts';
import type { Kind, OfficePackage, Relation } from './package.ts';
import { builtInFormat, showNumber } from './values.ts';

const WORKBOOK: Kind = {
  contentType: /(spreadsheetml|excel).*main/i,
  name: /^xl\/workbook\.xml$/,
  root: 'workbook',
};
/** Cells that are farther apart stand side by side: a sheet has 16,384 columns. */
const MOST_EMPTY = 10;

type Book = {
  pack: OfficePackage;
  strings: string[];
  /** The number format of each style of cells. */
  formats: string[];
  from1904: boolean;
};

export async function* readXlsx(bytes: Buffer, limits: ParseLimits): AsyncGenerator<Piece> {
  const pack = openPackage(bytes, limits);
  const main = await pack.mainPart(WORKBOOK);
  if (main === undefined) throw notA('Excel workbook');
  const relations = await pack.relationsOf(main);
  const part = (type: string) => pack.read(targetsOf(relations, type)[0] ?? '');
  const book: Book = {
    pack,
    strings: await readStrings(part('sharedstrings')),
    formats: await readFormats(part('styles')),
    from1904: false,
  };
  const found = new Set(['workbookpr', 'sheet']);
  for await (const element of readElements(pack.read(main), found)) {
    const { name = '', state = 'visible', date1904 = '0' } = element.attributes;
    if (element.name === 'workbookpr') book.from1904 = /^(1|true)$/.test(date1904);
    const sheet = relations.find(({ id }) => id === relationId(element));
    if (element.name !== 'sheet' || state !== 'visible' || sheet === undefined) continue;
    yield* readSheet(book, name, sheet);
  }
}

async function readStrings(part: AsyncIterable<Uint8Array>): Promise<string[]> {
  const strings: string[] = [];
  for await (const item of readElements(part, new Set(['si']))) strings.push(stringOf(item));
  return strings;
}

/** Text and its runs, without readings. A character that XML does not allow is written as `_x000B_`. */
function stringOf(item: Element): string {
  return [...descendants(item, 't', 'rph')]
    .filter(({ name }) => name === 't')
    .map((text) => textOf(text))
    .join('')
    .replace(/_x([0-9a-f]{4})_/gi, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    );
}

async function readFormats(part: AsyncIterable<Uint8Array>): Promise<string[]> {
  const own = new Map<string, string>();
  const formats: string[] = [];
  for await (const element of readElements(part, new Set(['numfmt', 'cellxfs']))) {
    const { numfmtid = '', formatcode = '' } = element.attributes;
    if (element.name === 'numfmt') own.set(numfmtid, formatcode);
    else {
      for (const { attributes } of elements(element)) {
        const id = attributes['numfmtid'] ?? '0';
        formats.push(own.get(id) ?? builtInFormat(Number(id)));
      }
    }
  }
  return formats;
}

async function* readSheet(book: Book, title: string, sheet: Relation): AsyncGenerator<Piece> {
  const { pack } = book;
  yield { text: heading(1, title) };
  if (sheet.type === 'worksheet') yield* readRows(book, sheet.target);
  const relations = await pack.relationsOf(sheet.target);
  for (const drawing of targetsOf(relations, 'drawing')) {
    for await (const shape of readElements(pack.read(drawing), new Set(['sp']))) {
      yield { text: `${richText(shape)}\n` };
    }
    yield { text: await drawingText(pack, await pack.relationsOf(drawing)) };
  }
  // Excel keeps a copy of each thread of comments for older programs, with a long explanation.
  const threads = targetsOf(relations, 'threadedcomment');
  for (const comments of threads.length > 0 ? threads : targetsOf(relations, 'comments')) {
    const found = new Set(['comment', 'threadedcomment']);
    for await (const comment of readElements(pack.read(comments), found)) {
      const { name } = comment;
      const text = name === 'comment' ? stringOf(comment) : textOf(child(comment, 'text'));
      yield { text: `Comment on ${comment.attributes['ref']}: ${oneLine(text)}\n` };
    }
  }
}

async function* readRows(book: Book, part: string): AsyncGenerator<Piece> {
  const merged = await readMerged(book.pack.read(part));
  /** The last row that a merged cell covers, by column. */
  const covered = new Map<number, number>();
  const table = createSheetTable();
  let number = 0;
  for await (const row of readElements(book.pack.read(part), new Set(['row']))) {
    const before = number;
    number = Number(row.attributes['r'] ?? before + 1);
    const cells = elements(row).filter(({ name }) => name === 'c');
    const shown = placed(cells, book).filter(({ text, column }) => {
      const rows = merged.get(`${column} ${number}`);
      if (rows !== undefined) covered.set(column, number + rows - 1);
      return text !== '';
    });
    if (number > before + 1 || shown.length === 0) yield { text: table.end() };
    if (shown.length === 0) continue;
    addCovered(shown, covered, number);
    yield { text: table.row(shown) };
  }
  yield { text: table.end() };
}

/** Holds the first row until the second one shows whether the header begins with an empty cell, as above an index. */
function createSheetTable() {
  const table = createTable();
  const places = new Map<number, number>();
  let header: readonly Placed[] | undefined;
  let hasHeader = false;

  const write = (row: readonly Placed[]) => table.row(inColumns(row, places));
  function writeHeader(next?: readonly Placed[]): string {
    if (header === undefined) return '';
    const [own, below] = [header[0]?.column ?? 0, next?.[0]?.column ?? Infinity];
    const isTitle = header.length === 1;
    if (!isTitle && below < own && own - below <= MOST_EMPTY) places.set(below, 0);
    const text = write(header);
    if (isTitle) places.clear();
    header = undefined;
    hasHeader = !isTitle;
    return text;
  }
  return {
    row(row: readonly Placed[]): string {
      const before = writeHeader(row);
      if (hasHeader) return before + write(row);
      header = row;
      return before;
    },
    end(): string {
      const text = writeHeader() + table.end();
      places.clear();
      hasHeader = false;
      return text;
    },
  };
}

type Placed = { column: number; text: string; continues?: boolean };

/** Adds the cells below merged cells, which files leave out or leave empty. */
function addCovered(shown: Placed[], covered: Map<number, number>, row: number): void {
  const present = new Set(shown.map(({ column }) => column));
  for (const [column, last] of covered) {
    if (last < row) covered.delete(column);
    else if (!present.has(column)) shown.push({ column, text: '', continues: true });
  }
  shown.sort((a, b) => a.column - b.column);
}

function placed(cells: readonly Element[], book: Book): Placed[] {
  let column = 0;
  return cells.map((cell) => {
    const letters = /^[A-Z]{1,3}/i.exec(cell.attributes['r'] ?? '')?.[0];
    column = letters === undefined ? column + 1 : columnOf(letters);
    return { column, text: cellText(cell, book).trim() };
  });
}

/** `places` maps columns of the sheet to cells of the table; new columns are added to it. */
function inColumns(shown: readonly Placed[], places: Map<number, number>): Cell[] {
  const cells: Cell[] = [];
  for (const { column, text, continues = false } of shown) {
    for (let before = Math.max(column - MOST_EMPTY, 0); before < column; before += 1) {
      if (places.has(before) && !places.has(before + 1)) places.set(before + 1, places.size);
    }
    const place = places.get(column) ?? places.size;
    places.set(column, place);
    while (cells.length <= place) cells.push({ text: '' });
    cells[place] = { text, continues };
  }
  return cells;
}

/** The number of rows that each merged cell covers, by column and row. */
async function readMerged(part: AsyncIterable<Uint8Array>): Promise<Map<string, number>> {
  const merged = new Map<string, number>();
  for await (const { attributes } of readElements(part, new Set(['mergecell']))) {
    const [, letters = '', from = '', to = ''] =
      /^([A-Z]+)(\d+):[A-Z]+(\d+)$/.exec(attributes['ref'] ?? '') ?? [];
    if (to !== from) merged.set(`${columnOf(letters)} ${from}`, Number(to) - Number(from) + 1);
  }
  return merged;
}

function columnOf(letters: string): number {
  let column = 0;
  for (const letter of letters.toUpperCase()) column = column * 26 + letter.charCodeAt(0) - 64;
  return column;
}

/** The text of a cell; for a formula, its result when the file was saved. */
function cellText(cell: Element, { strings, formats, from1904 }: Book): string {
  const { t: type = 'n', s: style = '0' } = cell.attributes;
  const value = textOf(child(cell, 'v'));
  switch (type) {
    case 's':
      return strings[Number(value)] ?? '';
    case 'inlinestr':
    case 'inlineStr':
      return stringOf(cell);
    case 'b':
      return value === '1' || value === 'true' ? 'TRUE' : 'FALSE';
    case 'n':
      return showNumber(value, formats[Number(style)] ?? '', from1904);
    default:
      return value;
  }
}
