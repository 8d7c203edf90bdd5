/**
 * The lexical half of a search. Ranking reads the words of every chunk that matches, so it is the rare words of a query
 * that are looked for: stop words and words in more than 5 % of all chunks are left out unless there are no others, and at
 * most eight remain. What PostgreSQL ranks highest is scored again with BM25, which knows how rare each word is.
 *
 * Prose is stored stemmed and code as it stands, so every word is looked for in both forms.
 */
import { bm25 } from '../retrieval/index.ts';
import type { CompiledFilter } from './search-filter.ts';
import type { Queryable } from './pool.ts';
import { query } from './pool.ts';

/** Words in a larger share of all chunks are common. */
const COMMON = 0.05;
const MAX_WORDS = 8;
/** Words whose chunks are counted because the statistics do not know them, and how far. */
const MAX_COUNTED = 32;
const COUNT_LIMIT = 2_000;
const CANDIDATES = 100;

/** What is searched: the completed files of these stores. */
export type SearchScope = {
  projectId: string;
  vectorStoreIds: readonly string[];
  filter: CompiledFilter;
  /** Chunks and tokens of all of them. */
  chunks: number;
  tokens: number;
};

export type Candidate = {
  chunkId: number;
  /** The vector store file's seq. */
  storeFile: number;
  /** Higher is better. */
  score: number;
};

/** A word of the query in every form to look for. */
type Word = {
  lexemes: string[];
  stop: boolean;
  /** The share of all chunks that have it, of a word that ANALYZE found to be common. */
  share: number | null;
};

type SearchedWord = Word & { documentFrequency: number };

/** Best first, at most 100. Empty when no word of the text is in the stores. */
export async function searchWords(
  db: Queryable,
  scope: SearchScope,
  text: string,
): Promise<Candidate[]> {
  if (scope.chunks === 0) return [];
  const words = await chooseWords(db, scope, await readWords(db, text));
  if (words.length === 0) return [];
  const rows = await readCandidates(db, scope, words);
  return rows
    .map((row) => ({ chunkId: row.id, storeFile: row.seq, score: scoreOf(row, words, scope) }))
    .sort((a, b) => b.score - a.score || a.chunkId - b.chunkId);
}

/** The two forms of a word stand at the same position. */
async function readWords(db: Queryable, text: string): Promise<Word[]> {
  const rows = await query<{ english: string | null; simple: string[]; share: number | null }>(
    db,
    'search.words',
    `with simple as (select lexeme, unnest(positions) as position from unnest(words_of('simple', $1))),
       english as (select lexeme, unnest(positions) as position from unnest(words_of('english', $1))),
       words as (select english.lexeme as english, simple.lexeme as simple from simple left join english using (position)
         group by 1, 2),
       common as (select m.lexeme, m.share from pg_stats s
           cross join lateral unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs) m(lexeme, share)
         where s.schemaname = current_schema() and s.tablename = 'chunks' and s.attname = 'tsv')
     select w.english, array_agg(w.simple) as simple, (
         select sum(c.share)::float8 from common c where c.lexeme = w.english or c.lexeme = any(array_agg(w.simple))) as share
     from words w group by w.english, case when w.english is null then w.simple end`,
    [text.replaceAll('\0', ' ')],
  );
  return rows.map(({ english, simple, share }) => ({
    lexemes: [...new Set(english === null ? simple : [english, ...simple])],
    stop: english === null,
    share,
  }));
}

async function chooseWords(
  db: Queryable,
  scope: SearchScope,
  words: readonly Word[],
): Promise<SearchedWord[]> {
  const rare = words.filter(({ stop, share }) => !stop && (share ?? 0) <= COMMON);
  const known = (rare.length > 0 ? rare : words).filter(({ share }) => share !== null);
  const unknown = (rare.length > 0 ? rare : words)
    .filter(({ share }) => share === null)
    .sort((a, b) => b.lexemes[0]!.length - a.lexemes[0]!.length)
    .slice(0, MAX_COUNTED);
  const counts = await countChunks(db, scope, unknown);
  const searched = [
    ...known.map((word) => ({ ...word, documentFrequency: word.share! * scope.chunks })),
    ...unknown.map((word, index) => ({ ...word, documentFrequency: counts[index] ?? 0 })),
  ];
  return searched
    .filter(({ documentFrequency }) => documentFrequency > 0)
    .sort((a, b) => a.documentFrequency - b.documentFrequency)
    .slice(0, MAX_WORDS);
}

/** How many chunks of the stores have each word, up to a limit. */
async function countChunks(
  db: Queryable,
  scope: SearchScope,
  words: readonly Word[],
): Promise<number[]> {
  if (words.length === 0) return [];
  const rows = await query<{ count: number }>(
    db,
    'search.count-words',
    `select counted.count from unnest($1::text[]) with ordinality w(words, place) cross join lateral (
       select count(*) from (select from chunks c join vector_store_files f on f.document_id = c.document_id
         where c.tsv @@ w.words::tsquery and f.vector_store_id = any($2::text[]) and f.project_id = $3
           and f.status = 'completed' limit ${COUNT_LIMIT}) found) counted
     order by w.place`,
    [words.map(({ lexemes }) => anyOf(lexemes)), scope.vectorStoreIds, scope.projectId],
  );
  return rows.map(({ count }) => count);
}

type CandidateRow = {
  id: number;
  seq: number;
  tokens: number;
  /** How often it has which lexeme. */
  frequencies: Record<string, number>;
};

async function readCandidates(
  db: Queryable,
  { projectId, vectorStoreIds, filter }: SearchScope,
  words: readonly Word[],
): Promise<CandidateRow[]> {
  const lexemes = words.flatMap((word) => word.lexemes);
  return query<CandidateRow>(
    db,
    'search.by-words',
    `with matches as (
       select c.id, min(f.seq) as seq, ts_rank_cd(c.tsv, $1::tsquery) as rank
       from chunks c join vector_store_files f on f.document_id = c.document_id
       where c.tsv @@ $1::tsquery and f.vector_store_id = any($3::text[]) and f.project_id = $4 and f.status = 'completed'
         and ($5::jsonpath is null or jsonb_path_exists(f.attributes, $5::jsonpath, $6::jsonb))
       group by c.id order by rank desc, c.id limit ${CANDIDATES})
     select m.id, m.seq, c.tokens, (
         select jsonb_object_agg(t.lexeme, coalesce(cardinality(t.positions), 1)) from unnest(c.tsv) t
         where t.lexeme = any($2::text[])) as frequencies
     from matches m join chunks c on c.id = m.id`,
    [anyOf(lexemes), lexemes, vectorStoreIds, projectId, filter.path, filter.variables],
  );
}

/** A tsquery of quoted lexemes: nothing in them is an operator. */
function anyOf(lexemes: readonly string[]): string {
  return lexemes.map((lexeme) => `'${lexeme.replaceAll(/['\\]/g, '$&$&')}'`).join(' | ');
}

function scoreOf(
  row: CandidateRow,
  words: readonly SearchedWord[],
  { chunks, tokens }: SearchScope,
): number {
  const frequencies = new Map(Object.entries(row.frequencies));
  // A chunk has a word in one form: that of its document.
  const terms = words.map(({ lexemes, documentFrequency }) => ({
    frequency: Math.max(...lexemes.map((lexeme) => frequencies.get(lexeme) ?? 0)),
    documentFrequency,
  }));
  return bm25(terms, {
    length: row.tokens,
    averageLength: tokens / chunks,
    documents: chunks,
  });
}
