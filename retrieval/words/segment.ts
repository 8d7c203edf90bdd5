/**
 * The words of a normalised text. Scripts that write no spaces, and Korean, whose particles follow a word without one, are cut
 * into overlapping runs of characters: a word is then found wherever it stands, also within a longer one, which
 * dictionaries of words do not give (docs/retrieval.md has the comparison).
 */

/** A word, or a run of a longer text. */
export type Segment = {
  text: string;
  /** Where it stands in the normalised text, in UTF-16 units. */
  start: number;
  end: number;
  /** Of a text that is shorter than a run, or the end of one: the index has it, and a query finds with it what begins so. */
  isShort: boolean;
};

/** Two characters of Chinese, Japanese or Korean tell as much as three of the alphabets of South-East Asia. */
const RUN = { ideographs: 2, hangul: 2, letters: 3 };
const SEGMENT = new RegExp(
  [
    // A line may end within a word.
    String.raw`(?<ideographs>(?:[[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}]&&[\p{L}\p{M}\p{N}]]+(?:[ \t]*\r?\n[ \t]*(?=[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}]))?)+)`,
    String.raw`(?<hangul>\p{sc=Hang}+)`,
    String.raw`(?<letters>[[\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}]&&[\p{L}\p{M}]]+)`,
    String.raw`(?<word>[[\p{L}\p{M}\p{N}]--[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Bopo}\p{sc=Hang}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}]]+)`,
  ].join('|'),
  'gv',
);
/** Longer ones are not language; the index and queries cut them alike. */
const MAX_WORD = 100;

export function* segments(normal: string): Generator<Segment> {
  for (const match of normal.matchAll(SEGMENT)) {
    const { word, ideographs, hangul } = match.groups!;
    if (word === undefined) {
      const length =
        ideographs !== undefined ? RUN.ideographs : hangul !== undefined ? RUN.hangul : RUN.letters;
      yield* runs(match[0], match.index, length);
    } else {
      const end = match.index + word.length;
      yield { text: word.slice(0, MAX_WORD), start: match.index, end, isShort: false };
    }
  }
}

/** A character with its marks counts as one. */
function* runs(text: string, offset: number, length: number): Generator<Segment> {
  const characters = [...text.matchAll(/[^\p{M}\s]\p{M}*/gu)];
  for (const [at, { index }] of characters.entries()) {
    const parts = characters.slice(at, at + length);
    const last = parts.at(-1)!;
    yield {
      text: parts.map(([character]) => character).join(''),
      start: offset + index,
      end: offset + last.index + last[0].length,
      isShort: parts.length < length,
    };
  }
}
