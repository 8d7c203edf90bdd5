/**
 * Text into units: the words, numbers, punctuation and white space that the tokeniser looks at one by one. Cut between
 * two of them, both sides have the tokens they had together, so a text is encoded once however it is cut.
 */
import { encode } from 'gpt-tokenizer/encoding/cl100k_base';

export type Unit = {
  text: string;
  tokens: number;
  codePoints: number;
  /** Whether a sentence may end, a line ends, or a blank line is in it. */
  ending: Ending;
};

/** The better place to cut is the larger number. */
export const ENDING = { word: 0, sentence: 1, line: 2, paragraph: 3 } as const;
export type Ending = (typeof ENDING)[keyof typeof ENDING];

/**
 * The pattern of cl100k, with runs cut at 24 characters: the encoder's time grows with the square of a run, and a unit
 * must fit the smallest chunk of 100 tokens (a character has at most 4). Longer runs may count one more or less.
 */
const UNIT =
  /'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n\p{L}\p{N}]?\p{L}{1,24}|\p{N}{1,3}| ?[^\s\p{L}\p{N}]{1,22}[\r\n]{0,8}|\s{0,23}[\r\n]|\s{1,24}(?!\S)|\s/uy;
/** What a match may look at, in UTF-16 units: closer to the end of what has arrived, it could still change. */
const LONGEST_MATCH = 64;
/** Text that looks like a control token is the plain text it is. */
const PLAIN = { disallowedSpecial: new Set<string>() };
const CACHED_UNITS = 50_000;

const SENTENCE_END = /[.!?\u2026\u3002\uFF01\uFF1F][\p{Pe}\p{Pf}"']*$/u;
const BLANK_LINE = /\n[^\S\n]*\n|\r\r/;

/** Takes text as it arrives and gives the units that are complete; the last call, with `end`, gives all that is left. */
export function unitReader(): (text: string, end?: boolean) => Generator<Unit> {
  const cache = new Map<string, Unit>();
  let waiting = '';
  return function* read(text, end = false) {
    waiting += text;
    let position = 0;
    while (position < waiting.length && (end || waiting.length - position > LONGEST_MATCH)) {
      UNIT.lastIndex = position;
      const unit = UNIT.exec(waiting)?.[0] ?? waiting.charAt(position);
      position += unit.length;
      yield cached(cache, unit);
    }
    waiting = waiting.slice(position);
  };
}

function cached(cache: Map<string, Unit>, text: string): Unit {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const unit = toUnit(text);
  if (cache.size >= CACHED_UNITS) cache.clear();
  cache.set(unit.text, unit);
  return unit;
}

/** Of a copy of the slice, which would keep the whole text it was cut from. */
function toUnit(slice: string): Unit {
  const text = Buffer.from(slice).toString();
  let codePoints = 0;
  for (const _ of text) codePoints += 1;
  return { text, tokens: encode(text, PLAIN).length, codePoints, ending: endingOf(text) };
}

function endingOf(text: string): Ending {
  if (BLANK_LINE.test(text)) return ENDING.paragraph;
  if (/[\r\n]$/.test(text)) return ENDING.line;
  return SENTENCE_END.test(text) ? ENDING.sentence : ENDING.word;
}
