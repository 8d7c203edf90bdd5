/**
 * The words that searches find chunks by, made by `retrieval/words`. Chunks of earlier rules are indexed again, document by
 * document; until then a search looks for their lexemes too.
 */
import { setImmediate } from 'node:timers/promises';

import { toTsvector } from '../../retrieval/index.ts';

/** Whose it is, and how words become lexemes: stemmed for prose, as they are for code. */
type Words = { project_id: string; words: 'english' | 'simple' };

/** One chunk takes a millisecond or two: between them the event loop has its turn. */
export async function wordsOfChunks(
  { project_id: scope, words }: Words,
  chunks: readonly { text: string }[],
): Promise<string[]> {
  const made: string[] = [];
  for (const { text } of chunks) {
    made.push(toTsvector(text, { scope, isProse: words === 'english' }));
    await setImmediate();
  }
  return made;
}
