/**
 * Puts lines of right-to-left scripts into the order in which they are read. A PDF may draw glyphs in any order, so their
 * places decide. Unicode's bidirectional algorithm turns text into the order of places; applied to that order, it gives the
 * text again.
 */
import bidiFactory from 'bidi-js';
import type { Bidi } from 'bidi-js';

/** Text that is drawn at one place: a letter with its vowel marks, or the letters of a ligature. */
export type Glyph = {
  text: string;
  /** Along the line, from left to right. */
  x: number;
  /** Across the line. */
  y: number;
  /** Between the left and the right end of what is drawn. */
  middle: number;
  /** Whether it is a space that PDFium has added between the glyphs before and after it. */
  isGenerated: boolean;
};

export type Line = {
  glyphs: Glyph[];
  /** From the lowest part of its letters to the highest. */
  height: number;
};

type Direction = 'ltr' | 'rtl';

/** Its types describe another kind of module than it is. */
const bidi = (bidiFactory as unknown as () => Bidi)();
/** The blocks that Unicode keeps for these scripts. */
const RIGHT_TO_LEFT =
  /[[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]&&\p{L}]/v;
const EVERY_RIGHT_TO_LEFT = new RegExp(RIGHT_TO_LEFT, 'gv');
const EVERY_LETTER = /\p{L}/gu;
const BRACKET = /[()[\]{}]/g;
const MARK = /^\p{M}/u;
/** A font raises and lowers letters of a line by less: connected ones, and those with vowel marks. */
const MOST_RAISED = 0.6;
/** Arabic ligatures that are characters of their own, as their letters. */
const LIGATURES = new Set(
  Array.from({ length: 0xfefd - 0xfb50 }, (_, index) =>
    String.fromCharCode(0xfb50 + index).normalize('NFKC'),
  ).filter((letters) => letters.length > 1),
);

export function isRightToLeft(text: string): boolean {
  return RIGHT_TO_LEFT.test(text);
}

/** The lines' text. `lines` come in PDFium's order, which has the letters of right-to-left scripts turned around. */
export function toReadingOrder(lines: readonly Line[]): string[] {
  const merged = mergeLines(lines);
  const page = direction(merged.flatMap(({ glyphs }) => glyphs.map(({ text }) => text)).join(''));
  const read = (mirrored: boolean) =>
    merged.map(({ glyphs }) => readLine(glyphs, { page, mirrored }));
  // Some programs name brackets by their shape, others by their meaning: those are right that make pairs.
  const [named, shaped] = [read(false), read(true)];
  return unpaired(shaped) < unpaired(named) ? shaped : named;
}

function unpaired(lines: readonly string[]): number {
  let open = 0;
  let count = 0;
  for (const [bracket] of lines.join('').matchAll(BRACKET)) {
    if ('([{'.includes(bracket)) open += 1;
    else if (open > 0) open -= 1;
    else count += 1;
  }
  return count + open;
}

/** PDFium takes letters that a font has raised or lowered for lines of their own. */
function mergeLines(lines: readonly Line[]): Line[] {
  const merged: Line[] = [];
  for (const line of lines) {
    const last = merged.at(-1);
    if (last !== undefined && areOne(last, line)) last.glyphs.push(...line.glyphs);
    else merged.push({ ...line, glyphs: [...line.glyphs] });
  }
  return merged;
}

function areOne(above: Line, line: Line): boolean {
  const [first] = line.glyphs;
  if (first === undefined) return false;
  const raised = Math.min(...above.glyphs.map(({ y }) => Math.abs(y - first.y)));
  if (raised > MOST_RAISED * Math.max(above.height, line.height)) return false;
  return [...above.glyphs, ...line.glyphs].some(({ text }) => isRightToLeft(text));
}

function direction(text: string): Direction {
  const letters = text.match(EVERY_LETTER)?.length ?? 0;
  const rightToLeft = text.match(EVERY_RIGHT_TO_LEFT)?.length ?? 0;
  return rightToLeft * 2 >= letters ? 'rtl' : 'ltr';
}

type Reading = {
  page: Direction;
  /** Whether the brackets of right-to-left text are turned around. PDFium has done it once. */
  mirrored: boolean;
};

function readLine(glyphs: readonly Glyph[], { page, mirrored }: Reading): string {
  const plain = glyphs.map(({ text }) => text).join('');
  if (!isRightToLeft(plain)) return plain;
  const places = withMarks(atOnePlace(glyphs).sort((one, other) => one.x - other.x));
  const [first = false, last = false] = endsOf(places.join(''));
  // A line that begins and ends with one script is a sentence in it, whatever it quotes.
  const base = first === last ? (first ? 'rtl' : 'ltr') : page;
  return reorder(places, base, mirrored);
}

/** Whether the letters at the ends of a line belong to a right-to-left script. */
function endsOf(text: string): boolean[] {
  const letters = text.match(EVERY_LETTER) ?? [];
  return [letters.at(0), letters.at(-1)].map((letter) => isRightToLeft(letter ?? ''));
}

/** What PDFium gives one after the other at the same place is one glyph's text. */
function atOnePlace(glyphs: readonly Glyph[]): Glyph[] {
  const places: Glyph[] = [];
  for (const glyph of withPlacedSpaces(glyphs)) {
    const last = places.at(-1);
    if (last?.x === glyph.x && last.y === glyph.y) last.text += glyph.text;
    else places.push({ ...glyph });
  }
  return places.map((place) => ({ ...place, text: lettersOf(place.text) }));
}

/** Those that PDFium has added go between their neighbours; beside a vowel mark there is no gap between words. */
function withPlacedSpaces(glyphs: readonly Glyph[]): Glyph[] {
  return glyphs.flatMap((glyph, index) => {
    const [before, after] = [glyphs[index - 1], glyphs[index + 1]];
    if (!glyph.isGenerated || before === undefined || after === undefined) return [glyph];
    if (MARK.test(before.text) || MARK.test(after.text)) return [];
    return [{ ...glyph, x: (before.x + after.x) / 2 }];
  });
}

/** Of a glyph: PDFium turns them around with the line, except those of a ligature that is a character of its own. */
function lettersOf(text: string): string {
  if (text.length < 2 || !isRightToLeft(text)) return text;
  const turned = reorder(Array.from(text), 'rtl', false);
  return LIGATURES.has(text) && !LIGATURES.has(turned) ? text : turned;
}

/** A vowel mark that is drawn by itself belongs to the letter below its middle. `places` go from left to right. */
function withMarks(places: readonly Glyph[]): string[] {
  const letters = places.filter(({ text }) => !MARK.test(text)).map((letter) => ({ ...letter }));
  for (const mark of places) {
    if (!MARK.test(mark.text)) continue;
    const below = letters.findLast(({ x }) => x <= mark.middle) ?? letters[0];
    if (below === undefined) return places.map(({ text }) => text);
    below.text += mark.text;
  }
  return letters.map(({ text }) => text);
}

/** `places` from left to right. The algorithm sees the first character of each. */
function reorder(places: readonly string[], base: Direction, mirrored: boolean): string {
  const seen = places.map((text) => text.charAt(0)).join('');
  const levels = bidi.getEmbeddingLevels(seen, base);
  const mirrors = bidi.getMirroredCharactersMap(seen, levels.levels);
  return bidi
    .getReorderedIndices(seen, levels)
    .map((index) => (mirrored ? undefined : mirrors.get(index)) ?? places[index] ?? '')
    .join('');
}
