/** OpenDocument: texts, sheets and presentations share the names of paragraphs and tables. */
import type { Piece } from '../../chunk-text.ts';
import { DocumentError } from '../../document.ts';
import type { ParseLimits } from '../../document.ts';
import { createTable, heading, oneLine } from '../markdown.ts';
import type { Cell } from '../markdown.ts';
import { child, descendants, elements, readElements, textOf } from './elements.ts';
import type { Element } from './elements.ts';
import { notA, openPackage, resolve } from './package.ts';
import type { OfficePackage } from './package.ts';

const BLOCKS = new Set('h p table-row tracked-changes semantics object'.split(' '));
const MARKS = new Set('spreadsheet table page frame'.split(' '));
/** Sheets repeat their last, empty row and cell up to the end of the sheet. */
const MOST_REPEATED = 100;

/** What follows the paragraph: text, and the folders of charts and formulas. */
type After = (string | { folder: string })[];

export async function* readOdf(bytes: Buffer, limits: ParseLimits): AsyncGenerator<Piece> {
  const pack = openPackage(bytes, limits);
  if (!pack.names.includes('content.xml')) throw notA('document of OpenDocument');
  const encrypted = readElements(pack.read('META-INF/manifest.xml'), new Set(['encryption-data']));
  for await (const _ of encrypted) {
    throw new DocumentError('invalid_file', 'The file is protected with a password.');
  }
  yield* readContent(pack, '');
  for await (const part of readElements(pack.read('styles.xml'), new Set(['header', 'footer']))) {
    yield { text: [...descendants(part, 'p', 'h')].map((each) => paragraph(each, [])).join('') };
  }
}

async function* readContent(pack: OfficePackage, folder: string): AsyncGenerator<Piece> {
  const table = createTable();
  const after: After = [];
  let isSheets = false;
  let isTitle = false;
  let page = 0;
  for await (const element of readElements(pack.read(`${folder}content.xml`), BLOCKS, MARKS)) {
    if (element.name === 'table-row') {
      const { 'number-rows-repeated': repeated = '1' } = element.attributes;
      const cells = cellsOf(element, after);
      const text = cells.length === 0 ? table.end() : table.row(cells);
      yield { text: text.repeat(Math.min(Number(repeated) || 1, MOST_REPEATED)) };
      continue;
    }
    yield { text: table.end() };
    yield* readAfter(pack, after);
    if (element.name === 'spreadsheet') isSheets = true;
    else if (element.name === 'frame') isTitle = element.attributes['class'] === 'title';
    else if (element.name === 'page') yield { text: '', page: (page += 1) };
    else if (element.name === 'table' && isSheets) {
      yield { text: heading(1, element.attributes['name'] ?? '') };
    } else if (element.name === 'semantics') yield { text: `${formula(element)}\n` };
    else if (isTitle && element.name === 'p') yield { text: heading(1, inline(element, after)) };
    else yield { text: block(element, after) };
    yield* readAfter(pack, after, folder);
  }
  yield { text: table.end() };
  yield* readAfter(pack, after, folder);
}

/** An object within an object is not read. */
async function* readAfter(pack: OfficePackage, after: After, folder = ''): AsyncGenerator<Piece> {
  for (const each of after.splice(0)) {
    if (typeof each === 'string') yield { text: each };
    else if (folder === '') yield* readContent(pack, `${each.folder}/`);
  }
}

function block(element: Element, after: After): string {
  switch (element.name) {
    case 'h':
    case 'p':
      return paragraph(element, after);
    case 'object':
      return inlineElement(element, after);
    default:
      return '';
  }
}

function paragraph(element: Element, after: After): string {
  const { 'outline-level': level, 'style-name': style } = element.attributes;
  const text = inline(element, after);
  if (element.name === 'h' || style === 'Title') return heading(Number(level ?? 1) || 1, text);
  return `${text}\n`;
}

function inline(parent: Element, after: After): string {
  return parent.children
    .map((each) =>
      typeof each === 'string' ? each.replace(/\s+/g, ' ') : inlineElement(each, after),
    )
    .join('');
}

function inlineElement(element: Element, after: After): string {
  const { name, attributes } = element;
  const below = () => [...descendants(element, 'p', 'h')].map((each) => paragraph(each, after));
  switch (name) {
    case 's':
      return ' '.repeat(Math.min(Number(attributes['c'] ?? 1), MOST_REPEATED));
    case 'tab':
      return '\t';
    case 'line-break':
      return '\n';
    case 'note': {
      const label = `[^${textOf(child(element, 'note-citation'))}]`;
      after.push(`${label}: ${oneLine(below().join(' '))}\n`);
      return label;
    }
    case 'annotation':
      after.push(`Comment (${textOf(child(element, 'creator'))}): ${oneLine(below().join(' '))}\n`);
      return '';
    case 'ruby':
      return `${inlineOf(child(element, 'ruby-base'), after)}(${inlineOf(child(element, 'ruby-text'), after)})`;
    case 'text-box':
    case 'custom-shape':
      after.push(below().join(''));
      return '';
    case 'object':
      after.push({ folder: resolve('', attributes['href'] ?? '') });
      return '';
    case 'title':
    case 'desc':
    case 'hidden-text':
    case 'tracked-changes':
      return '';
    default:
      return inline(element, after);
  }
}

function inlineOf(element: Element | undefined, after: After): string {
  return element === undefined ? '' : inline(element, after);
}

function formula(element: Element): string {
  const [source] = descendants(element, 'annotation');
  return oneLine(textOf(source ?? element));
}

/** An empty list for an empty row. */
function cellsOf(row: Element, after: After): Cell[] {
  const cells: Cell[] = [];
  let covered = 0;
  for (const element of elements(row)) {
    const { 'number-columns-repeated': repeated, 'number-columns-spanned': spanned } =
      element.attributes;
    const text = [...descendants(element, 'p', 'h')].map((each) => inline(each, after)).join(' ');
    const isCovered = element.name === 'covered-table-cell';
    const times = Math.min(Number(repeated ?? 1) || 1, MOST_REPEATED);
    for (let time = 0; time < times; time += 1) {
      cells.push({ text, continues: isCovered && covered <= 0 });
      covered -= 1;
    }
    if (!isCovered) covered = Number(spanned ?? 1) - 1;
  }
  while (cells.at(-1)?.text === '' && cells.at(-1)?.continues === false) cells.pop();
  return cells;
}
