/**
 * Words of texts and of queries, by the same rules. What the index keeps of a word is one lexeme: its stem without accents,
 * marked where the text has accents.
 */
import { createHash } from 'node:crypto';

import { detectLanguage, ENGLISH, formsOf, languageOf } from './languages.ts';
import { normalise, normaliseWithPlaces, withoutAccents } from './normalise.ts';
import type { Segment } from './segment.ts';
import { segments } from './segment.ts';

/** Counts up when the same text gives other lexemes: chunks that were indexed by earlier rules are then indexed again. */
export const WORD_RULES = 2;

/** `scope`: whose words these are. Each scope has its own, so that no one's searches read what others have. */
export type IndexOptions = { scope: string; isProse: boolean };

/** PostgreSQL counts no further. */
const MAX_PLACE = 16_383;
const MAX_PLACES = 255;
/** The label of a place where the text has accents. */
const ACCENTED = 'C';

/** The words of a text as PostgreSQL writes a tsvector. Prose is stemmed and loses its small words; code is as it stands. */
export function toTsvector(text: string, { scope, isProse }: IndexOptions): string {
  const found = [...segments(normalise(text))];
  const stemmed = isProse ? stemmerOf(found) : withoutAccents;
  const own = scopeOf(scope);
  const places = new Map<string, string[]>();
  for (const [at, { text: word }] of found.entries()) {
    const lexeme = stemmed(word);
    if (lexeme === null) continue;
    let known = places.get(lexeme);
    if (known === undefined) places.set(lexeme, (known = []));
    const label = withoutAccents(word) === word ? '' : ACCENTED;
    if (known.length < MAX_PLACES) known.push(`${Math.min(at + 1, MAX_PLACE)}${label}`);
  }
  return [...places].map(([lexeme, at]) => `'${own}${lexeme}':${at.join(',')}`).join(' ');
}

/** Null of a small word. */
function stemmerOf(found: readonly Segment[]): (word: string) => string | null {
  const { language: latin } = detectLanguage(found.map(({ text }) => text));
  return (word) => {
    const { stem, small } = languageOf(word, latin);
    return small.has(word) ? null : stem(word);
  };
}

/** Each lexeme once, also those of small words: for texts that are looked for by all words of a query. */
export function lexemesOf(text: string, scope: string): string[] {
  const found = [...segments(normalise(text))];
  const { language: latin } = detectLanguage(found.map(({ text: word }) => word));
  const own = scopeOf(scope);
  const lexemes = found.map(({ text: word }) => {
    const { stem, small } = languageOf(word, latin);
    return own + (small.has(word) ? withoutAccents(word) : stem(word));
  });
  return [...new Set(lexemes)];
}

/** A word of a query in every form to look for. */
export type QueryWord = {
  lexemes: string[];
  /** Also what only begins so. */
  isPrefix: boolean;
  isAccented: boolean;
  /** Prose has no lexemes of it. */
  isSmall: boolean;
};

/** Each word once. */
export function queryWords(text: string, scope: string): QueryWord[] {
  const found = wholeSegments(text);
  const { language, isSure } = detectLanguage(found.map(({ text: word }) => word));
  const own = scopeOf(scope);
  const words = new Map<string, QueryWord>();
  for (const { text: word, isShort } of found) {
    words.set(word, {
      lexemes: formsOf(word).map((form) => own + form),
      isPrefix: isShort,
      isAccented: withoutAccents(word) !== word,
      isSmall: languageOf(word, isSure ? language : ENGLISH).small.has(word),
    });
  }
  return [...words.values()];
}

/** The end of a longer run is in its other parts already. */
function wholeSegments(text: string): Segment[] {
  const all = [...segments(normalise(text))];
  return all.filter(({ isShort, start }, at) => !isShort || (all[at - 1]?.end ?? 0) <= start);
}

/** Finds where texts have words of the queries: code points from a text's beginning, end exclusive, in order. */
export function highlighter(queries: readonly string[]): (text: string) => [number, number][] {
  const words = queries.flatMap((query) => queryWords(query, ''));
  const telling = words.filter(({ isSmall }) => !isSmall);
  const wanted = telling.length > 0 ? telling : words;
  const whole = new Set(wanted.flatMap(({ lexemes }) => lexemes));
  const short = wanted.filter(({ isPrefix }) => isPrefix).flatMap(({ lexemes }) => lexemes);
  const beginnings = [...new Set(short)];
  return (text) => findHighlights(text, whole, beginnings);
}

function findHighlights(
  text: string,
  whole: ReadonlySet<string>,
  beginnings: readonly string[],
): [number, number][] {
  const { normal, places } = normaliseWithPlaces(text);
  const found = [...segments(normal)];
  const stemmed = stemmerOf(found);
  const spans: [number, number][] = [];
  for (const { text: word, start, end } of found) {
    const beginning = beginnings.find((form) => word.startsWith(form));
    const isWhole = whole.has(stemmed(word) ?? word) || whole.has(withoutAccents(word));
    if (!isWhole && beginning === undefined) continue;
    const last = isWhole ? end : start + beginning!.length;
    addSpan(spans, places[start]!, nextPlace(places, last));
  }
  return inCodePoints(text, spans);
}

/** Where the piece of the original text ends of which the unit before `at` was made. */
function nextPlace(places: readonly number[], at: number): number {
  let next = at;
  while (places[next] === places[at - 1] && next < places.length - 1) next += 1;
  return places[next]!;
}

function addSpan(spans: [number, number][], start: number, end: number): void {
  const last = spans.at(-1);
  if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
  else spans.push([start, end]);
}

function inCodePoints(text: string, spans: readonly [number, number][]): [number, number][] {
  let unit = 0;
  let point = 0;
  const pointAt = (end: number) => {
    for (; unit < end; point += 1) unit += text.codePointAt(unit)! > 0xffff ? 2 : 1;
    return point;
  };
  return spans.map(([start, end]) => [pointAt(start), pointAt(end)]);
}

/** Short: it stands before every lexeme. Two that have the same only read more. */
function scopeOf(name: string): string {
  return name === '' ? '' : `${createHash('sha256').update(name).digest('base64url').slice(0, 3)}|`;
}
