/** Finds the sentence of a chunk that an answer cites. */

const SENTENCE = /[^.!?。！？\n]+[.!?。！？]*/g;
const SMALL = 3;

export type Passage = { before: string; cited: string; after: string };

/** The sentence of `chunk` that shares most words with `said`, the text before the citation. */
export function passageOf(chunk: string, said: string): Passage {
  const words = new Set(wordsOf(lastSentence(said)));
  let best = { at: 0, text: '', count: 0 };
  for (const { 0: text, index: at } of chunk.matchAll(SENTENCE)) {
    const count = wordsOf(text).filter((word) => words.has(word)).length;
    if (count > best.count) best = { at, text, count };
  }
  const { at, text } = best;
  return { before: chunk.slice(0, at), cited: text, after: chunk.slice(at + text.length) };
}

function lastSentence(text: string): string {
  return text.match(SENTENCE)?.findLast((sentence) => wordsOf(sentence).length > 0) ?? '';
}

/** Short words occur in every sentence. */
function wordsOf(text: string): string[] {
  const segments = new Intl.Segmenter(undefined, { granularity: 'word' }).segment(text);
  return [...segments]
    .filter(
      ({ isWordLike, segment }) => isWordLike && (segment.length >= SMALL || !/^\w/.test(segment)),
    )
    .map(({ segment }) => segment.toLowerCase());
}
