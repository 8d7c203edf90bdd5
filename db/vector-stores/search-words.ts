/**
 * The lexical half of a search. Ranking reads all words of a chunk, so it is the rare words of a query that are looked for:
 * stop words and words in more than 5 % of all chunks are left out unless there are no others. The index alone says which
 * chunks have which of them; those with the most, each by its rarity, are read and scored with BM25 for all of the words.
 *
 * Prose is stored stemmed and code as it stands, so every word is looked for in both forms.
 */
import type { ProjectId, VectorStoreId } from '../../wire/ids.ts';
import { bm25 } from '../../retrieval/index.ts';
import type { CompiledFilter } from './search-filter.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { anyOf, frequencyIn } from './tsvector.ts';

/** Words in a larger share of all chunks are common. */
const COMMON = 0.05;
/** Words that are looked for: of those whose share is known the rarest, and of the others, which are rarer, the longest. */
const KNOWN = 8;
const UNKNOWN = 24;
/** Of a query that has only common ones. */
const ONLY_COMMON = 2;
/** Chunks that are ranked by how close together they have the words, and those that are scored. */
const RANKED = 400;
const CANDIDATES = 100;

/** What is searched: the completed files of these stores. */
export type SearchScope = {
  projectId: ProjectId;
  vectorStoreIds: readonly VectorStoreId[];
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

/** Best first, at most 100. Empty when no word of the text is in the stores. */
export async function searchWords(
  db: Queryable,
  scope: SearchScope,
  text: string,
): Promise<Candidate[]> {
  if (scope.chunks === 0) return [];
  const words = await readWords(db, text);
  const searched = chooseWords(words);
  if (searched.length === 0) return [];
  const rows = await readCandidates(db, scope, searched);
  return rows
    .map((row) => ({
      chunkId: row.id,
      storeFile: row.seq,
      score: scoreOf(row, words, searched, scope),
    }))
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
       common as materialized (select m.lexeme, m.share from pg_stats s
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

/** Without stop words unless there is nothing else, and without common words unless there is nothing else. */
function chooseWords(all: readonly Word[]): Word[] {
  const telling = all.filter(({ stop }) => !stop);
  const words = (telling.length > 0 ? telling : all).toSorted(rarestFirst);
  const unknown = words.filter(({ share }) => share === null);
  const rare = words.filter(({ share }) => share !== null && share <= COMMON);
  const chosen = [...unknown.slice(0, UNKNOWN), ...rare.slice(0, KNOWN)];
  return chosen.length > 0 ? chosen : words.slice(0, ONLY_COMMON);
}

function rarestFirst(a: Word, b: Word): number {
  return (a.share ?? 0) - (b.share ?? 0) || b.lexemes[0]!.length - a.lexemes[0]!.length;
}

type CandidateRow = {
  id: number;
  seq: number;
  tokens: number;
  /** With their places, as PostgreSQL writes a tsvector. */
  lexemes: string;
  /** How many chunks have the searched word at a place, counted from 1. */
  counts: Record<string, number>;
};

async function readCandidates(
  db: Queryable,
  { projectId, vectorStoreIds, filter, chunks }: SearchScope,
  searched: readonly Word[],
): Promise<CandidateRow[]> {
  return query<CandidateRow>(
    db,
    'search.by-words',
    `with files as materialized (
         select f.document_id, min(f.seq) as seq from vector_store_files f
         where f.vector_store_id = any($1::text[]) and f.project_id = $2 and f.status = 'completed'
           and ($3::jsonpath is null or jsonb_path_exists(f.attributes, $3::jsonpath, $4::jsonb))
         group by f.document_id),
       matches as materialized (
         select w.place, c.id, f.seq from unnest($5::text[]) with ordinality w(words, place)
           join chunks c on c.tsv @@ w.words::tsquery join files f on f.document_id = c.document_id),
       counts as (
         select place, count(*) as count, ln(1 + (greatest($6 - count(*), 0) + 0.5::float8) / (count(*) + 0.5::float8)) as weight
         from matches group by place),
       found as (
         select m.id, min(m.seq) as seq, sum(k.weight) as weight from matches m join counts k using (place)
         group by m.id order by weight desc, m.id limit ${RANKED}),
       ranked as (
         select f.id, f.seq, c.tokens, c.tsv from found f join chunks c using (id)
         order by f.weight desc, ts_rank_cd(c.tsv, $7::tsquery) desc, f.id limit ${CANDIDATES})
     select r.id, r.seq, r.tokens, r.tsv::text as lexemes,
       (select jsonb_object_agg(place, count) from counts) as counts
     from ranked r`,
    [
      vectorStoreIds,
      projectId,
      filter.path,
      filter.variables,
      searched.map(({ lexemes }) => anyOf(lexemes)),
      chunks,
      anyOf(searched.flatMap(({ lexemes }) => lexemes)),
    ],
  );
}

function scoreOf(
  row: CandidateRow,
  words: readonly Word[],
  searched: readonly Word[],
  { chunks, tokens }: SearchScope,
): number {
  const terms = words.map((word) => {
    const count = row.counts[searched.indexOf(word) + 1];
    return {
      // A chunk has a word in one form: that of its document.
      frequency: Math.max(...word.lexemes.map((lexeme) => frequencyIn(row.lexemes, lexeme))),
      documentFrequency: count ?? (word.share ?? 0) * chunks,
    };
  });
  const averageLength = tokens / chunks;
  return bm25(terms, { length: row.tokens, averageLength, documents: chunks });
}
