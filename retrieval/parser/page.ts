/** Collects a page's text as a browser lays it out: white space collapses, except where it is kept. */
import { hide, isHidden } from './hidden.ts';
import type { Hiding } from './hidden.ts';
import type { MarkupHandler } from './markup.ts';
import { createTables } from './page-tables.ts';
import type { PageTables } from './page-tables.ts';

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
  let hiding: Hiding | undefined;
  let preformatted = 0;
  let inHeading = false;

  const { ask, write } = createFlow(lines, tables);
  const boundary = (name: string) => {
    if (PARAGRAPHS.has(name)) {
      ask('\n\n');
      inHeading = false;
    } else if (LINES.has(name)) ask(inHeading ? ' ' : '\n');
  };

  return {
    open(name, attributes) {
      if (hiding?.open(name) === true) return;
      hiding = undefined;
      boundary(name);
      if (isHidden(name, attributes)) {
        hiding = hide(name);
        return;
      }
      if (name === 'pre') preformatted += 1;
      tables.open(name, attributes);
      if (!HEADING.test(name) || tables.cell() !== undefined) return;
      inHeading = true;
      lines.begin(`${'#'.repeat(Number(name[1]))} `);
    },
    close(name) {
      const place = hiding?.close(name) ?? 'outside';
      if (place !== 'inside') hiding = undefined;
      if (place !== 'outside') return;
      if (name === 'pre') preformatted = Math.max(0, preformatted - 1);
      tables.close(name);
      if (HEADING.test(name)) lines.begin('');
      boundary(name);
    },
    text(text) {
      if (hiding !== undefined) return;
      if (preformatted > 0) return write(text);
      const [before, words, after] = collapse(text);
      ask(before);
      write(words);
      ask(after);
    },
    take: () => lines.take(),
    end() {
      tables.end();
      return lines.take();
    },
  };
}

/** Text goes into the open cell, or else into lines. */
function createFlow(lines: ReturnType<typeof createLines>, tables: PageTables) {
  return {
    write: (text: string) => {
      const cell = tables.cell();
      if (cell === undefined) lines.write(text);
      else cell.push(text);
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
