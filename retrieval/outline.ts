/**
 * Where in a document a line is, by the convention of parser/markdown.ts: below which headings, and in which table. A chunk
 * is searched with the headings above it, and one that continues a table with the table's header.
 */
import { ENDING } from './units.ts';
import type { Unit } from './units.ts';

type Heading = { level: number; title: string };

export type Place = {
  headings: readonly Heading[];
  /** The first two lines of the table, in rows below them. */
  tableHeader: string | null;
};

/** Of a unit: its line's place, and what the line is as far as it has been read. */
export type Mark = { place: Place; startsLine: boolean; isRow: boolean };

const HEADING = /^(#{1,6})[ \t]+(.*?)[ \t#]*$/;
const RULE = /^\|(?:[ \t]*:?-+:?[ \t]*\|)+$/;
const FENCE = /^(?:```|~~~)/;
/** Longer lines are neither headings nor the first of a table. */
const MAX_LINE = 2_000;
const MAX_TITLE = 200;
const NOWHERE: Place = { headings: [], tableHeader: null };

/** Text without such a convention is nowhere. */
export function outlineReader(isMarked: boolean): (unit: Unit) => Mark {
  let place = NOWHERE;
  let line = '';
  let isFenced = false;
  /** The line before, in a table. */
  let firstRow: string | null = null;

  function endLine(text: string, isLast: boolean): void {
    const isFence = FENCE.test(text);
    if (isFence) isFenced = !isFenced;
    const [, marks, title] = isFenced || isFence ? [] : (HEADING.exec(text) ?? []);
    if (marks !== undefined && title) {
      const above = place.headings.filter(({ level }) => level < marks.length);
      place = { ...place, headings: [...above, { level: marks.length, title: cut(title) }] };
    }
    if (firstRow !== null && RULE.test(text)) {
      place = { ...place, tableHeader: `${firstRow}\n${text}` };
    }
    const isRow = text.startsWith('|') && !isLast;
    firstRow = isRow && place.tableHeader === null ? text : null;
    if (!isRow && place.tableHeader !== null) place = { ...place, tableHeader: null };
  }

  return (unit) => {
    if (!isMarked) return { place, startsLine: line === '', isRow: false };
    const startsLine = line === '';
    if (line.length < MAX_LINE) line += unit.text;
    const mark = { place, startsLine, isRow: line.startsWith('|') };
    if (unit.ending >= ENDING.line) {
      endLine(line.length < MAX_LINE ? line.trim() : '', unit.ending === ENDING.paragraph);
      line = '';
    }
    return mark;
  };
}

/** The headings above a text: those of the line that it begins with are in it. */
export function headingsAbove(text: string, { headings }: Place): string[] {
  const [, marks] = HEADING.exec(text.trimStart().split('\n', 1)[0] ?? '') ?? [];
  const level = marks?.length ?? Infinity;
  return headings.filter((heading) => heading.level < level).map(({ title }) => title);
}

function cut(title: string): string {
  return title.length > MAX_TITLE ? title.slice(0, MAX_TITLE).toWellFormed() : title;
}
