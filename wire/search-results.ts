/** Found chunks as the page that a search answers with. */
import type { FileAttributes } from './types.ts';

/** A chunk that a search found. `attributes` are its file's in that store. */
export type SearchHit = {
  vectorStoreId: string;
  fileId: string;
  filename: string;
  attributes: FileAttributes;
  /** What it is ranked by, 0 to 1. */
  score: number;
  /** Its parts, each 0 to 1: absent when the chunk was not among the candidates of that half. */
  scores: { vector?: number; lexical?: number; fused?: number };
  chunk: {
    id: number;
    /** From 0. */
    ordinal: number;
    text: string;
    page: number | null;
    /** Code points of the file's text, end exclusive. */
    start: number;
    end: number;
  };
};

/** How a search was done: by words and meaning, or by words alone and why. */
export type SearchMode = { mode: 'hybrid' } | { mode: 'lexical'; reason: string };

/** `x-threadmill` is our extension: where in the file a result is, and what its score is made of. */
type SearchResult = {
  file_id: string;
  filename: string;
  score: number;
  attributes: FileAttributes;
  content: { type: 'text'; text: string }[];
  'x-threadmill': {
    chunk: number;
    page: number | null;
    start: number;
    end: number;
    scores: SearchHit['scores'];
  };
};

export type SearchResultsPage = {
  object: 'vector_store.search_results.page';
  search_query: string[];
  data: SearchResult[];
  has_more: false;
  next_page: null;
  'x-threadmill': SearchMode;
};

/** All there is: a search has one page. */
export function toSearchResultsPage(
  queries: string[],
  hits: readonly SearchHit[],
  mode: SearchMode,
): SearchResultsPage {
  return {
    object: 'vector_store.search_results.page',
    search_query: queries,
    data: hits.map(toSearchResult),
    has_more: false,
    next_page: null,
    'x-threadmill': mode,
  };
}

function toSearchResult({ chunk, ...hit }: SearchHit): SearchResult {
  return {
    file_id: hit.fileId,
    filename: hit.filename,
    score: hit.score,
    attributes: hit.attributes,
    content: [{ type: 'text', text: chunk.text }],
    'x-threadmill': {
      chunk: chunk.ordinal,
      page: chunk.page,
      start: chunk.start,
      end: chunk.end,
      scores: hit.scores,
    },
  };
}
