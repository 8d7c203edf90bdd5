/** The text of a Word document's blocks: paragraphs with their numbers, tables, notes and text boxes. */
import { createTable, heading, oneLine } from '../markdown.ts';
import type { Cell } from '../markdown.ts';
import { child, elements, isOn, textOf, valueOf } from './elements.ts';
import type { Element } from './elements.ts';
import { linear } from './math.ts';
import type { Numbering } from './numbering.ts';
import { relationId } from './package.ts';
import { outlineLevel } from './styles.ts';
import type { Style } from './styles.ts';
import { picture } from './symbols.ts';

export type Words = {
  numbering: Numbering;
  styleOf(id: string | undefined): Style;
  /** Of footnotes, endnotes and comments, by `footnote 2` and the like. */
  notes: Map<string, string>;
  /** Texts, and relations of charts and diagrams, that follow the paragraph. */
  after: (string | { relation: string })[];
};

/** Properties, deleted text and field codes. */
const UNSEEN = new Set(
  (
    'ppr rpr sectpr tblpr trpr tcpr sdtpr sdtendpr tblgrid del movefrom deltext delinstrtext instrtext rt rubypr ' +
    'annotationref docpr'
  ).split(' '),
);
const NOT_HEADING = 10;

/** Each block ends its line. */
export function blocks(parent: Element, words: Words): string {
  return elements(parent)
    .map((element) => block(element, words))
    .join('');
}

export function block(element: Element, words: Words): string {
  if (UNSEEN.has(element.name)) return '';
  switch (element.name) {
    case 'p':
      return paragraph(element, words);
    case 'tbl': {
      const table = createTable();
      const rows = elements(element).map((row) => table.row(cells(row, words)));
      return rows.join('') + table.end();
    }
    case 'alternatecontent':
      return alternative(element, (branch) => blocks(branch, words));
    default:
      return blocks(element, words);
  }
}

/** The cells of a table row; a deleted row has none. */
export function cells(row: Element, words: Words): Cell[] {
  if (child(child(row, 'trpr'), 'del') !== undefined) return [];
  return elements(row).flatMap((cell): Cell[] => {
    if (cell.name !== 'tc') return UNSEEN.has(cell.name) ? [] : cells(cell, words);
    const properties = child(cell, 'tcpr');
    const merge = child(properties, 'vmerge');
    return [
      {
        text: blocks(cell, words),
        columns: Number(valueOf(child(properties, 'gridspan')) ?? 1),
        continues: merge !== undefined && valueOf(merge) !== 'restart',
      },
    ];
  });
}

function paragraph(element: Element, words: Words): string {
  const properties = child(element, 'ppr');
  const style = words.styleOf(valueOf(child(properties, 'pstyle')));
  const text = style.hidden ? '' : inline(element, words);
  const list = child(properties, 'numpr');
  const id = valueOf(child(list, 'numid')) ?? style.list;
  const level = valueOf(child(list, 'ilvl')) ?? levelByStyle(id, style, words) ?? 0;
  const number = id === undefined ? '' : words.numbering.next(id, Number(level));
  const shown = number === '' ? text : `${number} ${text}`;
  const rank = outlineLevel(properties) ?? style.heading ?? NOT_HEADING;
  if (rank < NOT_HEADING && text.trim() !== '') return heading(rank, shown);
  return text.trim() === '' ? '\n' : `${shown}\n`;
}

function levelByStyle(id: string | undefined, style: Style, words: Words): number | undefined {
  for (const each of id === undefined ? [] : style.ids) {
    const level = words.numbering.levelOf(id ?? '', each);
    if (level !== undefined) return level;
  }
  return style.listLevel;
}

/** The text of runs and of what holds them. */
function inline(parent: Element, words: Words): string {
  return elements(parent)
    .map((element) => inlineElement(element, words))
    .join('');
}

function inlineElement(element: Element, words: Words): string {
  const { name, attributes } = element;
  if (UNSEEN.has(name)) return '';
  switch (name) {
    case 't':
      return textOf(element);
    case 'r':
      return run(element, words);
    case 'tab':
    case 'ptab':
      return '\t';
    case 'br':
    case 'cr':
      return '\n';
    case 'nobreakhyphen':
      return '-';
    case 'sym': {
      const code = Number.parseInt(attributes['char'] ?? '', 16) || 0x20;
      const character = String.fromCodePoint(code < 0x100 ? code + 0xf000 : code % 0x110000);
      return picture(character, attributes['font'] ?? '');
    }
    case 'ruby':
      return ruby(element, words);
    case 'omath':
      return linear(element);
    case 'checkbox':
      return isOn(child(element, 'checked') ?? child(element, 'default')) ? '☒' : '☐';
    case 'alternatecontent':
      return alternative(element, (branch) => inline(branch, words));
    default:
      return anchored(element, words) ?? inline(element, words);
  }
}

/** The text in the line of an element whose content stands elsewhere; undefined for other elements. */
function anchored(element: Element, words: Words): string | undefined {
  const { name, attributes } = element;
  switch (name) {
    case 'footnotereference':
    case 'endnotereference':
    case 'commentreference': {
      const note = words.notes.get(`${name.replace('reference', '')} ${attributes['id']}`);
      if (note !== undefined) words.after.push(note);
      return note?.startsWith('[^') ? note.slice(0, note.indexOf(']') + 1) : '';
    }
    case 'txbxcontent':
      words.after.push(blocks(element, words));
      return '';
    case 'chart':
      words.after.push({ relation: relationId(element) });
      return '';
    case 'relids':
      words.after.push({ relation: attributes['dm'] ?? '' });
      return '';
    case 'textpath':
      words.after.push(`${attributes['string'] ?? ''}\n`);
      return '';
    default:
      return undefined;
  }
}

function run(element: Element, words: Words): string {
  const properties = child(element, 'rpr');
  const style = words.styleOf(valueOf(child(properties, 'rstyle')));
  const vanish = child(properties, 'vanish');
  if (vanish === undefined ? style.hidden : isOn(vanish)) return '';
  const text = inline(element, words);
  const font = child(properties, 'rfonts')?.attributes;
  return picture(text, font?.['ascii'] ?? font?.['hansi'] ?? '');
}

/** 東京(とうきょう): the reading follows its base. */
function ruby(element: Element, words: Words): string {
  const [base, reading] = ['rubybase', 'rt'].map((name) => {
    const part = child(element, name);
    return part === undefined ? '' : inline(part, words);
  });
  return reading === '' ? `${base}` : `${base}(${reading})`;
}

/** The text of the branch that current programs show, or else of the branch for older programs. */
function alternative(element: Element, read: (branch: Element) => string): string {
  const choice = child(element, 'choice');
  const shown = choice === undefined ? '' : read(choice);
  const fallback = child(element, 'fallback');
  const isEmpty = shown.trim() === '' && !oneLine(textOf(choice)) && fallback !== undefined;
  return isEmpty ? read(fallback) : shown;
}
