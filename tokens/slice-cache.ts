/** Remembers the tokens of texts that come again: the instructions and tools of a run are counted at each of its turns. */
import { hash } from 'node:crypto';

/** Shorter texts are counted about as fast as they are hashed. */
const HASHED = 200;

/** Counts by `count`. Holds at most `limit` counts, by the hash of their text, and forgets the one that was used longest ago. */
export function cachedCounts(
  count: (text: string) => number,
  limit: number,
): (text: string) => number {
  const counts = new Map<string, number>();
  return (text) => {
    if (text.length < HASHED) return count(text);
    const key = hash('sha256', text, 'base64');
    const tokens = counts.get(key) ?? count(text);
    counts.delete(key);
    counts.set(key, tokens);
    if (counts.size > limit) counts.delete(counts.keys().next().value!);
    return tokens;
  };
}
