/** The arithmetic of ranking: BM25 for words, cosine for vectors, and one list out of several. */

const K1 = 1.2;
const B = 0.75;
/** The constant of reciprocal rank fusion: how little the first places stand out. */
const FUSION_K = 60;

/** One word of the query: how often the chunk has it, how many chunks have it at all, and what it counts if not 1. */
export type TermStatistics = { frequency: number; documentFrequency: number; weight?: number };

/** `length` and `averageLength` in the same unit; `documents` is what document frequencies are counted out of. */
export type DocumentStatistics = { length: number; averageLength: number; documents: number };

/** BM25 with k1 = 1.2 and b = 0.75. Never negative, however common a word is. */
export function bm25(terms: readonly TermStatistics[], document: DocumentStatistics): number {
  const { length, averageLength, documents } = document;
  const norm = K1 * (1 - B + (averageLength > 0 ? (B * length) / averageLength : B));
  let score = 0;
  for (const { frequency, documentFrequency, weight = 1 } of terms) {
    if (frequency <= 0) continue;
    const rarity = inverseFrequency(documentFrequency, documents);
    score += (weight * rarity * frequency * (K1 + 1)) / (frequency + norm);
  }
  return score;
}

/** Statistics are estimates: a frequency above the number of documents counts as all of them. */
function inverseFrequency(documentFrequency: number, documents: number): number {
  const found = Math.min(Math.max(documentFrequency, 0), documents);
  return Math.log(1 + (documents - found + 0.5) / (found + 0.5));
}

/** Cosine of the angle between two normalised vectors; 0 when their lengths differ, as they cannot be compared. */
export function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return 0;
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return Math.min(1, Math.max(-1, sum));
}

/**
 * Reciprocal rank fusion of lists that are best first: best first again, with scores above 0 and up to 1, which is
 * first place in every list. Equal scores keep the order in which they appeared. An id counts once in a list. `weights`,
 * one per list, add up to 1; without them all lists count the same.
 */
export function fuse<Id>(
  lists: readonly (readonly Id[])[],
  k = FUSION_K,
  weights: readonly number[] = lists.map(() => 1 / lists.length),
): { id: Id; score: number }[] {
  const sums = new Map<Id, number>();
  for (const [index, list] of lists.entries()) {
    const weight = weights[index] ?? 0;
    let rank = 0;
    for (const id of new Set(list)) {
      rank += 1;
      sums.set(id, (sums.get(id) ?? 0) + (weight * (k + 1)) / (k + rank));
    }
  }
  return [...sums]
    .map(([id, sum]) => ({ id, score: Math.min(1, sum) }))
    .sort((a, b) => b.score - a.score);
}
