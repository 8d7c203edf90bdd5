/**
 * The lexical half of a search. Ranking reads all words of a chunk, so it is the telling words of a query that are looked
 * for: without small words and those that more than 5 % of the stores' chunks have, unless there are no others. The index
 * alone says which chunks have which of them; those with the most, each by its rarity, are read and scored with BM25 for
 * all of the words.
 */
import type { ProjectId, VectorStoreId } from '../../wire/ids.ts';
import { bm25, queryWords } from '../../retrieval/index.ts';
import type { QueryWord } from '../../retrieval/index.ts';
import type { CompiledFilter } from './search-filter.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { anyOf, placesIn } from './tsvector.ts';

/** Words in a larger share of the chunks are common, where they are in many. No more chunks than that are read for a word. */
const COMMON = 0.05;
const MANY = 50;
/** Words that are looked for: the longest. */
const SEARCHED = 32;
/** Words that are looked for of a query that has only common ones. */
const ONLY_COMMON = 2;
/** Chunks that are ranked by how close together they have the words, and those that are scored. */
const RANKED = 400;
const CANDIDATES = 100;
/** What a word counts that a chunk has with other accents only: less than it could at the most, however often. */
const OTHER_ACCENTS = 0.4;

/** What is searched: the completed files of these stores. */
export type SearchScope = {
  projectId: ProjectId;
  vectorStoreIds: readonly VectorStoreId[];
  filter: CompiledFilter;
  /** Chunks and tokens of all of them. */
  chunks: number;
  tokens: number;
  /** Whether words of earlier rules are among them. */
  hasFormerWords: boolean;
};

export type Candidate = {
  chunkId: number;
  /** The vector store file's seq. */
  storeFile: number;
  /** Higher is better. */
  score: number;
};

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
  const shares = await readShares(db, scope, words);
  let searched = withoutCommon(words, shares);
  let rows = await readCandidates(db, scope, searched);
  if (rows.length === 0 && searched.length < words.length) {
    searched = words;
    rows = await readCandidates(db, scope, searched);
  }
  const found = rows.map((row) => words.map((word) => findWord(row, word)));
  const documentFrequencies = words.map((word, at) => {
    const place = searched.indexOf(word);
    if (place < 0) return shares[at]! * scope.chunks;
    const counted = rows[0]?.counts[place + 1] ?? 0;
    return counted < mostMatches(scope) ? counted : estimate(found, at, scope);
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

/**
 * The share of the project's chunks that have each word, of those that ANALYZE found to be common: nothing of the index has to
 * be read for them. Lexemes are the project's own, and so are their numbers: they say nothing of stores that have less than half
 * of its chunks.
 */
async function readShares(
  db: Queryable,
  { projectId, chunks }: SearchScope,
  words: readonly QueryWord[],
): Promise<number[]> {
  const rows = await query<{ lexeme: string; share: number }>(
    db,
    'search.shares',
    `select m.lexeme, m.share * total.chunks / greatest(own.chunks, 1) as share
     from pg_stats s
       cross join lateral unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs) m(lexeme, share),
       (select greatest(reltuples, 0)::float8 as chunks from pg_class where oid = 'chunks'::regclass) total,
       (select coalesce(sum(chunk_count), 0)::float8 as chunks from documents where project_id = $1) own
     where s.schemaname = current_schema() and s.tablename = 'chunks' and s.attname = 'tsv' and m.lexeme = any($2::text[])
       and own.chunks <= 2 * $3::float8`,
    [projectId, words.flatMap(({ lexemes }) => lexemes), chunks],
  );
  const shares = new Map(rows.map(({ lexeme, share }) => [lexeme, share]));
  return words.map(({ lexemes }) =>
    Math.min(1, Math.max(...lexemes.map((lexeme) => shares.get(lexeme) ?? 0))),
  );
}

/** The rarest of them when there are no others. */
function withoutCommon(words: readonly QueryWord[], shares: readonly number[]): QueryWord[] {
  const telling = words.filter((_, at) => shares[at]! <= COMMON);
  if (telling.length > 0) return telling;
  const rarest = words.map((word, at) => ({ word, share: shares[at]! }));
  rarest.sort((a, b) => a.share - b.share);
  return rarest.slice(0, ONLY_COMMON).map(({ word }) => word);
}

const lengthOf = ({ lexemes }: QueryWord): number => lexemes[0]!.length;

function mostMatches({ chunks }: SearchScope): number {
  return Math.ceil(Math.max(MANY, chunks * COMMON)) + 1;
}

type CandidateRow = {
  id: number;
  seq: number;
  tokens: number;
  /** With their places, as PostgreSQL writes a tsvector. */
  lexemes: string;
  /** How many chunks have the word at a place, counted from 1, as far as they were read. */
  counts: Record<string, number>;
};

/** `matches` has a limit a word, so that a common one costs little; the offset keeps the planner from looking into it. */
async function readCandidates(
  db: Queryable,
  scope: SearchScope,
  words: readonly QueryWord[],
): Promise<CandidateRow[]> {
  const queries = words.map(({ lexemes, isPrefix }) => anyOf(lexemes, isPrefix));
  const { projectId, vectorStoreIds, filter, chunks } = scope;
  return query<CandidateRow>(
    db,
    'search.by-words',
    `with files as materialized (
         select f.document_id, min(f.seq) as seq from vector_store_files f
         where f.vector_store_id = any($1::text[]) and f.project_id = $2 and f.status = 'completed'
           and ($3::jsonpath is null or jsonb_path_exists(f.attributes, $3::jsonpath, $4::jsonb))
         group by f.document_id),
       matches as materialized (
         select w.place, m.id, m.seq from unnest($5::text[]) with ordinality w(words, place)
           cross join lateral (select c.id, f.seq from chunks c join files f on f.document_id = c.document_id
             where c.tsv @@ w.words::tsquery limit $8) m),
       counts as (
         select place, count(*) as count, ln(1 + (greatest($6 - count(*), 0) + 0.5::float8) / (count(*) + 0.5::float8)) as weight
         from matches group by place),
       telling as (
         select place, weight from counts
         where count < $8 or not exists (select from counts where count < $8)),
       found as (
         select m.id, min(m.seq) as seq, sum(k.weight) as weight from matches m join telling k using (place)
         group by m.id order by weight desc, m.id limit ${RANKED}),
       ranked as (
         select f.id, f.seq, c.tokens, c.tsv from found f join chunks c using (id)
         order by f.weight desc, ts_rank_cd('{0.1,0.1,0.1,0.1}', c.tsv, $7::tsquery) desc, f.id limit ${CANDIDATES})
     select r.id, r.seq, r.tokens, r.tsv::text as lexemes,
       (select jsonb_object_agg(place, count) from counts) as counts
     from ranked r`,
    [
      vectorStoreIds,
      projectId,
      filter.path,
      filter.variables,
      queries,
      chunks,
      queries.join(' | '),
      mostMatches(scope),
    ],
  );
}

/** How often a chunk has a word, and whether with the accents, or without, that the query has. */
type Found = { frequency: number; isSpeltSo: boolean };

/** A chunk has a word in one form: that of its language. */
function findWord({ lexemes }: CandidateRow, word: QueryWord): Found {
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
function estimate(found: readonly Found[][], at: number, scope: SearchScope): number {
  const having = found.filter((words) => words[at]!.frequency > 0).length;
  return Math.max(mostMatches(scope), (scope.chunks * having) / found.length);
}

function scoreOf(
  row: CandidateRow,
  found: readonly Found[],
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
