/**
 * Which chunks a search by words ranks. They depend on the searched stores alone: neither on statistics of the table nor on the
 * order of its rows, which change with what other projects store.
 */
import type { QueryWord } from '../../retrieval/index.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import type { SearchScope } from './search-scope.ts';
import { anyOf } from './tsvector.ts';

/** Words in a larger share of the chunks are common, where they are in many. No more chunks than that are read for a word. */
const COMMON = 0.05;
const MANY = 50;
/** Chunks from which on not all chunks with a word are read, and how many of them tell beforehand which words are common. */
export const LARGE = 2_000;
const SAMPLE = 200;
/** Words that are looked for of a query that has only common ones. */
const ONLY_COMMON = 2;
/** Chunks that are ranked by how close together they have the words, and those that are scored. */
const RANKED = 400;
const CANDIDATES = 100;

export type Candidates = { searched: readonly QueryWord[]; rows: CandidateRow[]; counts: Counts };

/** Of a large store the common words are looked for only when no other word of the query is there. */
export async function findCandidates(
  db: Queryable,
  scope: SearchScope,
  words: readonly QueryWord[],
): Promise<Candidates> {
  if (scope.chunks < LARGE) return readCandidates(db, scope, words, 'all');
  const shares = await readShares(db, scope, words);
  const telling = words.filter((_, at) => shares[at]! <= 2 * COMMON);
  const found = await readCandidates(db, scope, telling, 'telling');
  if (found.rows.length > 0) return found;
  const isCommon = (word: QueryWord) =>
    !telling.includes(word) || found.counts[telling.indexOf(word) + 1] === mostMatches(scope);
  const rarest = words
    .filter(isCommon)
    .toSorted((a, b) => shares[words.indexOf(a)]! - shares[words.indexOf(b)]!);
  return readCandidates(db, scope, rarest.slice(0, ONLY_COMMON), 'common');
}

/**
 * The share of some of the stores' chunks, evenly spread, that have each word. Nothing of the index has to be read for a word that
 * most chunks have. Statistics of the whole table would change with what other projects store.
 */
async function readShares(
  db: Queryable,
  { projectId, vectorStoreIds, chunks }: SearchScope,
  words: readonly QueryWord[],
): Promise<number[]> {
  const rows = await query<{ share: number }>(
    db,
    'search.shares',
    `with files as (
         select f.document_id, d.chunk_count, sum(d.chunk_count) over (order by f.seq) - d.chunk_count as before
         from vector_store_files f join documents d on d.id = f.document_id
         where f.vector_store_id = any($1::text[]) and f.project_id = $2 and f.status = 'completed'),
       sampled as materialized (
         select strip(c.tsv) as tsv from files f
           cross join lateral generate_series(ceil(f.before * ${SAMPLE} / $3::numeric)::integer,
             ceil((f.before + f.chunk_count) * ${SAMPLE} / $3::numeric)::integer - 1) n
           cross join lateral (select tsv from chunks where document_id = f.document_id
             and ordinal = floor(n * $3::numeric / ${SAMPLE} - f.before)::integer limit 1) c)
     select avg((s.tsv @@ w.words::tsquery)::integer)::float8 as share
     from unnest($4::text[]) with ordinality w(words, place), sampled s group by w.place order by w.place`,
    [
      vectorStoreIds,
      projectId,
      chunks,
      words.map(({ lexemes, isPrefix }) => anyOf(lexemes, isPrefix)),
    ],
  );
  return words.map((_, at) => rows[at]?.share ?? 0);
}

/** Of a word, from a large store. */
export function mostMatches({ chunks }: SearchScope): number {
  return Math.ceil(Math.max(MANY, chunks * COMMON)) + 1;
}

export type CandidateRow = {
  id: number;
  seq: number;
  tokens: number;
  /** With their places, as PostgreSQL writes a tsvector. */
  lexemes: string;
};
/** How many chunks have the word at a place, counted from 1, as far as they were read. */
type Counts = Record<string, number>;

type Wanted = 'all' | 'telling' | 'common';

/**
 * SQL. The index has the words of all stores of a project, so the chunks of a small store are read themselves. Of a large one each
 * word has a limit. Which matches of a common word come first would depend on the rest of the table, unless they are put in order.
 */
const MATCHES: Record<Wanted, string> = {
  all: `select w.place, t.id, t.seq from texts t join unnest($4::text[]) with ordinality w(words, place) on t.tsv @@ w.words::tsquery`,
  telling: withLimit(''),
  common: withLimit('order by c.id'),
};

function withLimit(order: string): string {
  return `select w.place, m.id, m.seq from unnest($4::text[]) with ordinality w(words, place)
    cross join lateral (select c.id, f.seq from chunk_words c join files f on f.document_id = c.document_id
      where c.tsv @@ w.words::tsquery ${order} limit $7) m`;
}

/** SQL: the words by which chunks are chosen. */
const CHOOSING: Record<Wanted, string> = {
  all: 'k.count < $7 or not exists (select from counts where count < $7)',
  telling: 'k.count < $7',
  common: 'true',
};

/** Weights are whole numbers: their sum is the same in any order. */
async function readCandidates(
  db: Queryable,
  scope: SearchScope,
  words: readonly QueryWord[],
  wanted: Wanted,
): Promise<Candidates> {
  if (words.length === 0) return { searched: words, rows: [], counts: {} };
  const queries = words.map(({ lexemes, isPrefix }) => anyOf(lexemes, isPrefix));
  const { projectId, vectorStoreIds, files, chunks } = scope;
  const rows = await query<CandidateRow & { counts: Counts | null }>(
    db,
    `search.by-${wanted}-words`,
    `with files as materialized (
         select f.document_id, min(f.seq) as seq from vector_store_files f
         where f.vector_store_id = any($1::text[]) and f.project_id = $2 and f.status = 'completed'
           and ($3::bigint[] is null or f.seq in (select unnest($3::bigint[])))
         group by f.document_id),
       texts as materialized (
         select c.id, f.seq, strip(c.tsv) as tsv from files f
           cross join lateral (select id, tsv from chunks where document_id = f.document_id offset 0) c),
       matches as materialized (${MATCHES[wanted]}),
       counts as (
         select place, count(*) as count,
           (ln(1 + (greatest($5 - count(*), 0) + 0.5::float8) / (count(*) + 0.5::float8)) * 1e6)::bigint as weight
         from matches group by place),
       found as (
         select m.id, min(m.seq) as seq, sum(k.weight) as weight from matches m join counts k using (place)
         where ${CHOOSING[wanted]}
         group by m.id order by weight desc, m.id limit ${RANKED}),
       ranked as (
         select f.id, f.seq, c.tokens, c.tsv from found f join chunks c using (id)
         order by f.weight desc, ts_rank_cd('{0.1,0.1,0.1,0.1}', c.tsv, $6::tsquery) desc, f.id limit ${CANDIDATES})
     select r.id, r.seq, r.tokens, r.tsv::text as lexemes, c.counts
     from (select jsonb_object_agg(place, count) as counts from counts) c left join ranked r on true`,
    [vectorStoreIds, projectId, files, queries, chunks, queries.join(' | '), mostMatches(scope)],
  );
  const counts = rows[0]?.counts ?? {};
  return { searched: words, rows: rows.filter(({ id }) => id !== null), counts };
}
