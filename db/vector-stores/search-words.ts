/**
 * The lexical half of a search. Ranking reads all words of a chunk, so it is the telling words of a query that are looked
 * for: without small words and those that more than 5 % of the stores' chunks have, unless there are no others. The index
 * alone says which chunks have which of them; those with the most, each by its rarity, are read and scored with BM25 for
 * all of the words.
 */
import { bm25, queryWords } from '../../retrieval/index.ts';
import type { QueryWord } from '../../retrieval/index.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import type { Candidate, SearchScope } from './search-scope.ts';
import { placesIn } from './tsvector.ts';
import type { CandidateRow } from './word-matches.ts';
import { findCandidates, LARGE, mostMatches } from './word-matches.ts';

/** Words that are looked for: the longest. */
const SEARCHED = 32;
/** What a word counts that a chunk has with other accents only: less than it could at the most, however often. */
const OTHER_ACCENTS = 0.4;

/** Best first, at most 100. Empty when no word of the text is in the stores. */
export async function searchWords(
  db: Queryable,
  scope: SearchScope,
  text: string,
): Promise<Candidate[]> {
  if (scope.chunks === 0) return [];
  const words = chooseWords(queryWords(text, scope.projectId));
  if (scope.hasFormerWords) words.push(...(await readFormerWords(db, text)));
  if (words.length === 0) return [];
  const { searched, rows, counts } = await findCandidates(db, scope, words);
  const found = rows.map((row) => words.map((word) => findWord(row, word)));
  const documentFrequencies = words.map((word, at) => {
    const counted = counts[searched.indexOf(word) + 1] ?? 0;
    const isCounted =
      searched.includes(word) && (scope.chunks < LARGE || counted < mostMatches(scope));
    return isCounted ? counted : estimate(found, at, scope);
  });
  return rows
    .map((row, at) => ({
      chunkId: row.id,
      storeFile: row.seq,
      score: scoreOf(row, found[at]!, documentFrequencies, scope),
    }))
    .sort((a, b) => b.score - a.score || a.chunkId - b.chunkId);
}

/** Without small words unless there is nothing else. */
function chooseWords(all: readonly QueryWord[]): QueryWord[] {
  const telling = all.filter(({ isSmall }) => !isSmall);
  const words = telling.length > 0 ? telling : all;
  return words.toSorted((a, b) => lengthOf(b) - lengthOf(a)).slice(0, SEARCHED);
}

/** As chunks of earlier rules have them: stemmed in English, or as they stand. Chunks of the present rules have none of these. */
async function readFormerWords(db: Queryable, text: string): Promise<QueryWord[]> {
  const rows = await query<{ lexeme: string }>(
    db,
    'search.former-words',
    `select lexeme from unnest(words_of('english', $1)) union select lexeme from unnest(words_of('simple', $1))
     order by lexeme limit ${SEARCHED}`,
    [text.replaceAll('\0', ' ')],
  );
  return rows.map(({ lexeme }) => ({
    lexemes: [lexeme],
    isPrefix: false,
    isAccented: false,
    isSmall: false,
  }));
}

const lengthOf = ({ lexemes }: QueryWord): number => lexemes[0]!.length;

/** How often a chunk has a word, and whether with the accents, or without, that the query has. */
type FoundWord = { frequency: number; isSpeltSo: boolean };

/** A chunk has a word in one form: that of its language. */
function findWord({ lexemes }: CandidateRow, word: QueryWord): FoundWord {
  let frequency = 0;
  let isSpeltSo = false;
  for (const form of word.lexemes) {
    const { plain, accented } = placesIn(lexemes, form, word.isPrefix);
    frequency = Math.max(frequency, plain + accented);
    isSpeltSo ||= (word.isAccented ? accented : plain) > 0;
  }
  return { frequency, isSpeltSo };
}

/** Of a word with more chunks than were read: its share of the candidates is as good an estimate as there is. */
function estimate(found: readonly FoundWord[][], at: number, scope: SearchScope): number {
  const having = found.filter((words) => words[at]!.frequency > 0).length;
  return Math.max(mostMatches(scope), (scope.chunks * having) / found.length);
}

function scoreOf(
  row: CandidateRow,
  found: readonly FoundWord[],
  documentFrequencies: readonly number[],
  { chunks, tokens }: SearchScope,
): number {
  const terms = found.map(({ frequency, isSpeltSo }, at) => ({
    frequency,
    documentFrequency: documentFrequencies[at]!,
    weight: isSpeltSo ? 1 : OTHER_ACCENTS,
  }));
  const averageLength = tokens / chunks;
  return bm25(terms, { length: row.tokens, averageLength, documents: chunks });
}
