/**
 * Cuts text into chunks while it arrives: windows of at most `maxTokens`, each beginning with the last `overlapTokens`
 * of the one before. A window ends at the best place in its last 15 %: after a paragraph, a line or a sentence, else
 * between words. A table is kept whole where it fits, and is else cut between its rows. No more text is kept than one
 * window has.
 */
import type { Chunk, ChunkingOptions } from './document.ts';
import { headingsAbove, outlineReader } from './outline.ts';
import type { Mark } from './outline.ts';
import { ENDING, unitReader } from './units.ts';
import type { Ending, Unit } from './units.ts';

/** Extracted text, in order. `page` holds until the next one. */
export type Piece = { text: string; page?: number };

export type Chunker = {
  push(piece: Piece): Generator<Chunk>;
  /** What is left. */
  end(): Generator<Chunk>;
  /** Of the text so far, without what overlaps. */
  readonly tokens: number;
};

/** Where a window may end at the earliest. */
const EARLIEST_CUT = 0.85;
/** The same before a table that would else be cut. */
const EARLIEST_CUT_BEFORE_TABLE = 0.25;
/** `retrieval/units.ts` makes no unit of more tokens. */
const SMALLEST_MAX_TOKENS = 100;

/** A unit with its place: `tokens` and `end` are counted from the beginning of the text to the end of the unit. */
type Placed = {
  unit: Unit;
  tokens: number;
  end: number;
  page: number | null;
  ending: Ending;
  mark: Mark;
};

/**
 * `isMarked`: the text has the marks of parser/markdown.ts. Throws RangeError for sizes that the API does not take either.
 */
export function createChunker(
  { maxTokens, overlapTokens }: ChunkingOptions,
  isMarked = false,
): Chunker {
  if (maxTokens < SMALLEST_MAX_TOKENS || overlapTokens < 0 || overlapTokens > maxTokens / 2) {
    throw new RangeError('Chunks have at least 100 tokens, of which at most half overlap.');
  }
  const read = unitReader();
  const outline = outlineReader(isMarked);
  let window: Placed[] = [];
  let tokens = 0;
  let end = 0;
  let page: number | null = null;
  /** What the units of the window are counted from. */
  let before = { tokens: 0, end: 0 };

  function* add(units: Iterable<Unit>): Generator<Chunk> {
    for (const unit of units) {
      tokens += unit.tokens;
      end += unit.codePoints;
      const ending = endingOf(unit, window.at(-1));
      window.push({ unit, tokens, end, page, ending, mark: outline(unit) });
      while (tokens - before.tokens > maxTokens) yield* cut();
    }
  }

  /** The last unit does not fit: the window up to the best place becomes a chunk, and the rest the next window. */
  function* cut(): Generator<Chunk> {
    const last =
      cutAtTable(window, before.tokens + maxTokens * EARLIEST_CUT_BEFORE_TABLE) ??
      bestCut(window, before.tokens + maxTokens * EARLIEST_CUT);
    yield* toChunk(window.slice(0, last + 1), before);
    if (window[last + 1] === undefined) return;
    const first = startOfNext(window, last, { maxTokens, overlapTokens });
    const previous = window[first - 1];
    if (previous !== undefined) before = { tokens: previous.tokens, end: previous.end };
    window = window.slice(first);
  }

  return {
    *push(piece) {
      if (piece.page !== undefined && piece.page !== page) {
        yield* add(read('', true));
        page = piece.page;
      }
      yield* add(read(piece.text));
    },
    *end() {
      yield* add(read('', true));
      yield* toChunk(window, before);
    },
    get tokens() {
      return tokens;
    },
  };
}

/** How good a place a unit's end is shows with the next one: "3.5" ends no sentence, a line of spaces is a blank line. */
function endingOf(unit: Unit, previous: Placed | undefined): Ending {
  if (previous === undefined) return unit.ending;
  const afterStop =
    previous.ending === ENDING.sentence && !/[\u3002\uFF01\uFF1F]/.test(previous.unit.text);
  if (afterStop && !/^\s/.test(unit.text)) previous.ending = ENDING.word;
  const blank = unit.ending === ENDING.line && !/\S/.test(unit.text);
  return blank && previous.ending >= ENDING.line ? ENDING.paragraph : unit.ending;
}

/** The index of the last unit of the chunk: of equally good places the last. The window's last unit did not fit. */
function bestCut(window: readonly Placed[], earliest: number): number {
  let best = window.length - 2;
  for (let index = best; index >= 0; index -= 1) {
    const placed = window[index];
    if (placed === undefined || placed.tokens < earliest) break;
    if (placed.ending > (window[best]?.ending ?? ENDING.word)) best = index;
  }
  return best;
}

/** The index of the first unit of the next window, which repeats the end of the chunk up to `last`. */
function startOfNext(
  window: readonly Placed[],
  last: number,
  { maxTokens, overlapTokens }: ChunkingOptions,
): number {
  const [cutAt, next] = [window[last]!, window[last + 1]!];
  // Nothing is repeated before a table.
  if (next.mark.isRow && !cutAt.mark.isRow) return last + 1;
  // There is room for at least one unit beyond this one, so that the next window is no part of it.
  const from = Math.max(cutAt.tokens - overlapTokens, next.tokens - maxTokens);
  let first = last + 1;
  while (first > 0 && window[first - 1]!.tokens - window[first - 1]!.unit.tokens >= from) {
    first -= 1;
  }
  // Rows are repeated whole.
  while (next.mark.isRow && first <= last && !window[first]!.mark.startsLine) first += 1;
  return first;
}

/** Of a table that goes on: before it, if it has begun in this window and late enough, or before the row that does not fit. */
function cutAtTable(window: readonly Placed[], earliest: number): number | undefined {
  if (window.at(-1)?.mark.isRow !== true) return undefined;
  const outside = window.findLastIndex(({ mark }) => !mark.isRow);
  if ((window[outside]?.tokens ?? 0) >= earliest) return outside;
  const row = window.findLastIndex(({ mark }) => mark.startsLine);
  return row > outside + 1 ? row - 1 : undefined;
}

/** White space alone is no chunk: there is nothing to find in it. */
function* toChunk(
  window: readonly Placed[],
  before: { tokens: number; end: number },
): Generator<Chunk> {
  const last = window.at(-1);
  const begin = window.find(({ unit }) => /\S/.test(unit.text));
  if (last === undefined || begin === undefined) return;
  const text = window.map(({ unit }) => unit.text).join('');
  const { place, isRow } = begin.mark;
  yield {
    text,
    headings: headingsAbove(text, place),
    tableHeader: isRow ? place.tableHeader : null,
    tokens: last.tokens - before.tokens,
    page: begin.page,
    start: before.end,
    end: last.end,
  };
}
