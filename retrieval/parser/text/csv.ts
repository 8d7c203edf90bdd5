/** Reads separated values as a table in bounded memory. The first lines tell the separator. */
import type { Piece } from '../../chunk-text.ts';
import { createTable } from '../markdown.ts';
import { decodeText } from './decode.ts';

/** The first one wins a tie: prices and prose contain commas too. */
const SEPARATORS = ['\t', ';', '|', ','];
/** A first line that Excel reads and does not show. */
const DECLARATION = /^sep=(.)\r?\n/i;
const SAMPLE_CHARACTERS = 16_384;
const SAMPLE_LINES = 10;
/** A longer quoted cell lacks its closing quote, so its quote counts as text. */
const LONGEST_CELL = 100_000;
/** A longer row is written in parts. */
const MOST_CELLS = 1_000;

export async function* readCsv(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Piece> {
  const table = createTable();
  let rows: ReturnType<typeof createRows> | undefined;
  let begun = '';
  const begin = () => {
    const made = createRows(separatorOf(begun));
    begun = begun.replace(DECLARATION, '');
    return made;
  };
  const write = (ready: readonly string[][]) =>
    ready.map((cells) => table.row(cells.map((text) => ({ text })))).join('');
  for await (const part of decodeText(bytes)) {
    begun += part;
    if (rows === undefined && begun.length < SAMPLE_CHARACTERS) continue;
    rows ??= begin();
    yield { text: write(rows.push(begun)) };
    begun = '';
  }
  rows ??= begin();
  yield { text: write(rows.push(begun)) + write(rows.end()) + table.end() };
}

/** The separator whose smallest count in a line is the largest. */
function separatorOf(sample: string): string {
  const declared = DECLARATION.exec(sample)?.[1];
  if (declared !== undefined) return declared;
  const lines = sample.replace(/"(?:[^"]|"")*"/g, '').split(/[\r\n]+/);
  const whole = lines.slice(0, Math.max(1, Math.min(lines.length - 1, SAMPLE_LINES)));
  const counts = SEPARATORS.map((each) =>
    Math.min(...whole.filter(Boolean).map((line) => line.split(each).length)),
  );
  return SEPARATORS[counts.indexOf(Math.max(...counts))] ?? ',';
}

function createRows(separator: string) {
  let ready: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let isQuoted = false;
  /** A quote in a quoted cell ends the cell, unless another quote follows. */
  let afterQuote = false;

  const endCell = () => {
    row.push(cell);
    cell = '';
  };
  const endRow = () => {
    if (row.length > 0 || cell !== '') endCell();
    if (row.length > 0) ready.push(row);
    row = [];
  };
  function add(character: string): void {
    if (isQuoted && !afterQuote) {
      if (character === '"') afterQuote = true;
      else cell += character;
      if (cell.length > LONGEST_CELL) isQuoted = false;
      return;
    }
    if (afterQuote) {
      afterQuote = false;
      isQuoted = character === '"';
    }
    if (character === '"' && cell === '' && !isQuoted) isQuoted = true;
    else if (character === separator) endCell();
    else if (character === '\n' || character === '\r') endRow();
    else cell += character;
    if (row.length > MOST_CELLS) endRow();
  }
  const take = () => {
    const taken = ready;
    ready = [];
    return taken;
  };
  return {
    push(text: string): string[][] {
      for (const character of text) add(character);
      return take();
    },
    end(): string[][] {
      endRow();
      return take();
    },
  };
}
