/**
 * Search of vector stores: by words, and by meaning when the query has a vector and every document of the stores has been
 * embedded with the same model. The two lists become one by reciprocal rank fusion.
 */
import { fuse, WORD_RULES } from '../../retrieval/index.ts';
import type { ProjectId, VectorStoreId } from '../../wire/ids.ts';
import type { Filter, Ranker } from '../../wire/requests/search.ts';
import type { SearchHit } from '../../wire/search-results.ts';
import { BusyError } from '../core/connection-shares.ts';
import type { Pool, Queryable } from '../core/pool.ts';
import { columnsOf, poolOf, query } from '../core/pool.ts';
import { checkCost } from './search-cost.ts';
import { filterFiles } from './search-filter.ts';
import { searchVectors } from './search-vectors.ts';
import type { Candidate, SearchScope } from './search-scope.ts';
import { searchWords } from './search-words.ts';
import { useExistingStores, useVectorStores } from './vector-stores.ts';

export type SearchRequest = {
  projectId: ProjectId;
  /** Searched as one. */
  vectorStoreIds: readonly VectorStoreId[];
  /** For a run, whose stores may have been deleted since it was created: those that are not there are left out. */
  existingOnly?: boolean;
  /** A chunk's score is the best that one of them gives it. */
  queries: readonly { text: string; vector: Float32Array | null }[];
  /** What the vectors were made with, as `embeddingKey` says it. */
  model: string | null;
  filters: Filter | null;
  limit: number;
  /** 0 to 1: results below it are left out. */
  scoreThreshold: number;
  /** `none`: by meaning alone, where that is possible. */
  ranker: Ranker;
  /** Aborts when nobody waits for the result any more. The API's pool knows by itself. */
  signal?: AbortSignal;
  /** Bit codes of each store whose vectors are compared exactly. */
  candidates: number;
};

export type SearchAnswer = {
  /** Best first. */
  hits: SearchHit[];
  /** Whether meaning counted. False: a query has no vector, or not every document has been embedded with its model. */
  byMeaning: boolean;
};

/** No further query is begun after this time, in ms. */
const SEARCH_MS = 20_000;
/** For a statement of a run's search: nobody sees a run that waits longer. */
const RUN_STATEMENT_MS = 60_000;
const NO_BOUNDS = { lockMs: 30_000, longMs: 600_000 };
/** Results read at once: many of the best may be repetitions, or of files that have expired. */
const READ_AT_ONCE = 50;
/** Places of each list that take part in fusion. */
const FUSED = 100;
/** As measured in docs/retrieval.md. What only words find still comes among the first ten when it is their best. */
const FUSION = { k: 10, weights: [0.6, 0.4] };
/** A chunk is a repetition when better results of its file have so much of its text. */
const REPEATED = 0.9;

type Scored = { chunkId: number; storeFile: number; score: number; scores: SearchHit['scores'] };

/**
 * Counts as a use of the stores.
 * @throws ApiError 404 unless `existingOnly`, 400 for an expired store and a search that costs too much; BusyError after its time
 */
export async function searchStores(pool: Pool, request: SearchRequest): Promise<SearchAnswer> {
  const { projectId, vectorStoreIds, filters, signal } = request;
  const db = signal === undefined ? pool : abortable(pool, signal);
  const late = performance.now() + SEARCH_MS;
  const use = request.existingOnly === true ? useExistingStores : useVectorStores;
  const [survey] = await Promise.all([
    surveyStores(db, request),
    use(db, projectId, vectorStoreIds),
  ]);
  if (request.existingOnly !== true) checkCost(request, survey);
  const files = filters && (await filterFiles(db, projectId, vectorStoreIds, filters));
  const scope = { ...survey, projectId, vectorStoreIds, files };
  const byMeaning = survey.embedded && request.queries.every(({ vector }) => vector !== null);
  const lists: Scored[][] = [];
  // One after another, so that a request with many queries does not take every connection.
  for (const { text, vector } of request.queries) {
    if (performance.now() > late) throw new BusyError('The search took too long.');
    const searched = byMeaning && vector !== null ? vector : null;
    lists.push(await searchOnce(db, scope, { text, vector: searched }, request));
  }
  const ranked = bestOf(lists).filter(({ score }) => score >= request.scoreThreshold);
  return { hits: await readHits(db, projectId, ranked, request.limit), byMeaning };
}

/** Cancels the statement that is under way when `signal` aborts, and runs no more. */
function abortable(pool: Pool, signal: AbortSignal): Queryable {
  const bounds = { ...(pool.bounds ?? NO_BOUNDS), statementMs: RUN_STATEMENT_MS };
  const options = { bounds, scope: pool.scope, end: () => pool.end() };
  return poolOf(
    options,
    () => pool.connect(),
    () => signal,
  );
}

type Survey = Pick<SearchScope, 'chunks' | 'tokens' | 'hasFormerWords'> & {
  files: number;
  embedded: boolean;
};

async function surveyStores(
  db: Queryable,
  { projectId, vectorStoreIds, model }: SearchRequest,
): Promise<Survey> {
  const rows = await query<Survey>(
    db,
    'search.survey',
    `select count(*) as files, coalesce(sum(d.chunk_count), 0)::bigint as chunks, coalesce(sum(d.token_count), 0)::bigint as tokens,
       $3::text is not null and coalesce(bool_and(d.chunk_count = 0 or d.embedded_with is not distinct from $3::text), true)
         as embedded, coalesce(bool_or(d.word_rules < $4), false) as "hasFormerWords"
     from vector_store_files f join documents d on d.id = f.document_id
     where f.vector_store_id = any($1::text[]) and f.project_id = $2 and f.status = 'completed'`,
    [vectorStoreIds, projectId, model, WORD_RULES],
  );
  return rows[0]!;
}

async function searchOnce(
  db: Queryable,
  scope: SearchScope,
  { text, vector }: { text: string; vector: Float32Array | null },
  { ranker, candidates }: SearchRequest,
): Promise<Scored[]> {
  if (vector === null) return asLexical(await searchWords(db, scope, text));
  const meaning = searchVectors(db, scope, vector, candidates);
  if (ranker === 'none') return asVector(await meaning);
  const [byMeaning, byWords] = await Promise.all([meaning, searchWords(db, scope, text)]);
  return asFused(asVector(byMeaning), asLexical(byWords));
}

/** Of a chunk that several files of the stores share, the first is kept. */
function toScored(
  candidates: readonly Candidate[],
  scored: (score: number) => Pick<Scored, 'score' | 'scores'>,
): Scored[] {
  const first = new Map<number, Scored>();
  for (const { chunkId, storeFile, score } of candidates) {
    if (!first.has(chunkId)) first.set(chunkId, { chunkId, storeFile, ...scored(score) });
  }
  return [...first.values()];
}

/** The cosine; opposites are as far as strangers. */
function asVector(candidates: readonly Candidate[]): Scored[] {
  return toScored(candidates, (cosine) => {
    const vector = Math.max(0, cosine);
    return { score: vector, scores: { vector } };
  });
}

/** BM25 has no upper bound: the query's best is 1. */
function asLexical(candidates: readonly Candidate[]): Scored[] {
  const best = candidates[0]?.score || 1;
  return toScored(candidates, (score) => {
    const lexical = score / best;
    return { score: lexical, scores: { lexical } };
  });
}

function asFused(byMeaning: readonly Scored[], byWords: readonly Scored[]): Scored[] {
  const lists = [byMeaning.slice(0, FUSED), byWords.slice(0, FUSED)];
  const found = new Map<number, Scored>();
  for (const one of lists.flat()) {
    const other = found.get(one.chunkId);
    found.set(one.chunkId, { ...one, scores: { ...other?.scores, ...one.scores } });
  }
  const ids = lists.map((list) => list.map(({ chunkId }) => chunkId));
  return fuse(ids, FUSION.k, FUSION.weights).map(({ id, score }) => {
    const one = found.get(id)!;
    return { ...one, score, scores: { ...one.scores, fused: score } };
  });
}

/** The results of several queries, each with the score of the query that it answers best. */
function bestOf(lists: readonly Scored[][]): Scored[] {
  const best = new Map<number, Scored>();
  for (const one of lists.flat()) {
    const other = best.get(one.chunkId);
    if (other === undefined || one.score > other.score) best.set(one.chunkId, one);
  }
  return [...best.values()].sort((a, b) => b.score - a.score);
}

type FoundChunk = Omit<SearchHit, 'score' | 'scores'> & { documentId: number };

/** The first results that are not repetitions of better ones, which overlapping chunks often are. */
async function readHits(
  db: Queryable,
  projectId: ProjectId,
  ranked: readonly Scored[],
  limit: number,
): Promise<SearchHit[]> {
  const hits: SearchHit[] = [];
  const seen = new Map<number, Span[]>();
  const step = Math.max(limit, READ_AT_ONCE);
  for (let from = 0; from < ranked.length && hits.length < limit; from += step) {
    const part = ranked.slice(from, from + step);
    const rows = new Map((await readChunks(db, projectId, part)).map((row) => [row.chunk.id, row]));
    for (const { chunkId, score, scores } of part) {
      const row = rows.get(chunkId);
      if (row === undefined || hits.length === limit) continue;
      const { documentId, ...found } = row;
      const spans = seen.get(documentId) ?? [];
      if (isRepeated(found.chunk, spans)) continue;
      seen.set(documentId, [...spans, found.chunk]);
      hits.push({ ...found, score, scores });
    }
  }
  return hits;
}

type Span = { start: number; end: number };

function isRepeated(chunk: Span, spans: readonly Span[]): boolean {
  let covered = 0;
  let from = chunk.start;
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    const [first, last] = [Math.max(from, start), Math.min(chunk.end, end)];
    if (last <= first) continue;
    covered += last - first;
    from = last;
  }
  return spans.length > 0 && covered >= REPEATED * (chunk.end - chunk.start);
}

/** Without those whose file has left its store meanwhile. */
async function readChunks(
  db: Queryable,
  projectId: ProjectId,
  found: readonly Scored[],
): Promise<FoundChunk[]> {
  return query<FoundChunk>(
    db,
    'search.read',
    `select f.vector_store_id as "vectorStoreId", f.file_id as "fileId", o.filename, f.attributes, c.document_id as "documentId",
       jsonb_build_object('id', c.id, 'ordinal', c.ordinal, 'text', c.text, 'headings', c.headings, 'tableHeader', c.table_header,
         'page', c.page, 'start', c.start_offset, 'end', c.end_offset) as chunk
     from unnest($2::bigint[], $3::bigint[]) found(chunk_id, seq)
       join vector_store_files f on f.seq = found.seq and f.project_id = $1
       join chunks c on c.id = found.chunk_id and c.document_id = f.document_id
       join files o on o.id = f.file_id and (o.expires_at is null or o.expires_at > unix_now())`,
    [projectId, ...columnsOf(found, 'chunkId', 'storeFile')],
  );
}
