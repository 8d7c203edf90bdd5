/** Collects a page's text as a browser lays it out: white space collapses, except where it is kept. */
import { hide, isHidden } from './hidden.ts';
import type { Hiding } from './hidden.ts';
import type { Attributes, MarkupHandler } from '../markup.ts';
import { createLists } from './lists.ts';
import { createMath } from './math.ts';
import { createTables } from './tables.ts';
import type { PageTables } from './tables.ts';

const LINES = new Set(
  (
    'address article aside blockquote body br dd details dialog div dl dt fieldset figcaption figure footer form ' +
    'header hr html legend li main nav ol option pre section select summary table tbody td tfoot th thead title tr ul'
  ).split(' '),
);
/** Apart from what is around them: a blank line is where a chunk may best be cut. */
const PARAGRAPHS = new Set('p h1 h2 h3 h4 h5 h6'.split(' '));
const HEADING = /^h[1-6]$/;
const GAPS = ['', ' ', '\t', '\n', '\n\n'] as const;

type Gap = (typeof GAPS)[number];

export type Page = MarkupHandler & { take(): string; end(): string };

export function createPage(): Page {
  const lines = createLines();
  const tables = createTables((rows) => lines.rows(rows));
  const { ask, write } = createFlow(lines, tables);
  const blocks = createBlocks(lines, tables, { ask, write });
  const { formula } = blocks;
  let hiding: Hiding | undefined;
  let preformatted = 0;

  return {
    open(name, attributes) {
      if (hiding?.open(name) === true) return;
      hiding = undefined;
      blocks.boundary(name, 'open');
      if (isHidden(name, attributes)) {
        hiding = hide(name);
        return;
      }
      if (name === 'pre') preformatted += 1;
      blocks.open(name, attributes);
    },
    close(name) {
      const place = hiding?.close(name) ?? 'outside';
      if (place !== 'inside') hiding = undefined;
      if (place !== 'outside') return;
      if (name === 'pre') preformatted = Math.max(0, preformatted - 1);
      blocks.close(name);
      blocks.boundary(name, 'close');
    },
    text(text) {
      if (hiding !== undefined) return;
      if (formula.isOpen()) return formula.text(text);
      if (preformatted > 0) return write(text);
      const [before, words, after] = collapse(text);
      ask(before);
      write(words);
      ask(after);
    },
    take: () => lines.take(),
    end() {
      write(formula.close('math'));
      tables.end();
      return lines.take();
    },
  };
}

/** What elements add to the text: lines, marks of headings, numbers of items, tables and formulas. */
function createBlocks(
  lines: ReturnType<typeof createLines>,
  tables: PageTables,
  { ask, write }: ReturnType<typeof createFlow>,
) {
  const lists = createLists();
  const formula = createMath();
  let inHeading = false;
  return {
    formula,
    boundary(name: string, side: 'open' | 'close') {
      const isParagraph = PARAGRAPHS.has(name);
      if (!isParagraph && !LINES.has(name)) return;
      // As browsers do, where a formula lacks its end tag.
      if (side === 'open') write(formula.close('math'));
      if (isParagraph) inHeading = false;
      ask(isParagraph ? '\n\n' : inHeading ? ' ' : '\n');
    },
    open(name: string, attributes: Attributes) {
      formula.open(name);
      tables.open(name, attributes);
      const inCell = tables.cell() !== undefined;
      const number = lists.open(name, attributes);
      if (number !== '' && !inCell) lines.begin(number);
      else write(number);
      if (!HEADING.test(name) || inCell) return;
      inHeading = true;
      lines.begin(`${'#'.repeat(Number(name[1]))} `);
    },
    close(name: string) {
      write(formula.close(name));
      tables.close(name);
      lists.close(name);
      // A heading or an item without text.
      if (HEADING.test(name) || name === 'li') lines.begin('');
    },
  };
}

/** Text goes into the open cell, or else into lines. */
function createFlow(lines: ReturnType<typeof createLines>, tables: PageTables) {
  return {
    write: (text: string) => {
      const cell = tables.cell();
      if (cell === undefined) lines.write(text);
      else if (text !== '') cell.push(text);
    },
    ask: (gap: Gap) => {
      const cell = tables.cell();
      if (cell === undefined) lines.ask(gap);
      else if (gap !== '') cell.push(' ');
    },
  };
}

/** The words of a text, between the gaps before and after them. */
function collapse(text: string): [Gap, string, Gap] {
  const words = text.replace(/[ \t\r\n\f]+/g, ' ');
  const gap = (at: number) => (words.at(at) === ' ' ? ' ' : '');
  return [gap(0), words.replace(/^ | $/g, ''), gap(-1)];
}

/** Joins texts by the strongest gap that was asked for between them. */
function createLines() {
  let out: string[] = [];
  let gap: Gap = '';
  let start = '';
  let anything = false;
  let afterRows = false;
  return {
    ask(wanted: Gap) {
      if (anything && GAPS.indexOf(wanted) > GAPS.indexOf(gap)) gap = wanted;
    },
    /** Puts a prefix before the next text. */
    begin(text: string) {
      start = text;
    },
    write(text: string) {
      if (text === '') return;
      out.push(afterRows ? gap.slice(1) : gap, start, text);
      [gap, start, anything, afterRows] = ['', '', true, false];
    },
    /** Takes whole lines. */
    rows(text: string) {
      if (text === '') return;
      out.push(anything && !afterRows ? '\n' : '', text);
      [gap, anything, afterRows] = ['', true, true];
    },
    take(): string {
      const text = out.join('');
      out = [];
      return text;
    },
  };
}
