/** Results of searches: the page of the search endpoint, and the text of file_search results. */
import { z } from 'zod';

import { integer, text } from './answers.ts';
import { attributes, EXTENSION } from './requests/fields.ts';
import type { FileAttributes } from './requests/fields.ts';

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
    /** The titles above the text, outermost first. */
    headings: string[];
    /** Of the table that the text continues. */
    tableHeader: string | null;
    page: number | null;
    /** Code points of the file's text, end exclusive. */
    start: number;
    end: number;
  };
};

const score = z.number().optional();

const searchResult = z.object({
  file_id: text,
  filename: text,
  score: z.number(),
  attributes,
  content: z.array(z.object({ type: z.literal('text'), text })),
  /** The place of a result in its file, and the parts of its score. */
  'x-threadmill': z
    .object({
      chunk: integer,
      page: integer.nullable(),
      headings: z.array(text),
      start: integer,
      end: integer,
      scores: z.object({ vector: score, lexical: score, fused: score }),
      /** The places of the queries' words, like `start` and `end`. */
      highlights: z.array(z.tuple([integer, integer])),
    })
    .meta(EXTENSION),
});

export const searchResultsPage = z.object({
  object: z.literal('vector_store.search_results.page'),
  search_query: z.array(text),
  data: z.array(searchResult),
  has_more: z.literal(false),
  next_page: z.null(),
  'x-threadmill': z
    .discriminatedUnion('mode', [
      z.object({ mode: z.literal('hybrid') }),
      z.object({ mode: z.literal('lexical'), reason: text }),
    ])
    .meta(EXTENSION),
});

type SearchResultsPage = z.infer<typeof searchResultsPage>;
/** By words and meaning, or by words alone and the reason. */
export type SearchMode = SearchResultsPage['x-threadmill'];

type Highlighted = SearchHit & { highlights: Highlight[] };
export type Highlight = [start: number, end: number];

/** A search has one page. */
export function toSearchResultsPage(
  queries: string[],
  hits: readonly Highlighted[],
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

function toSearchResult({ chunk, ...hit }: Highlighted): SearchResultsPage['data'][number] {
  return {
    file_id: hit.fileId,
    filename: hit.filename,
    score: hit.score,
    attributes: hit.attributes,
    content: [{ type: 'text', text: shownText(chunk) }],
    'x-threadmill': {
      chunk: chunk.ordinal,
      page: chunk.page,
      headings: chunk.headings,
      start: chunk.start,
      end: chunk.end,
      scores: hit.scores,
      highlights: hit.highlights,
    },
  };
}

/** Rows without their header say little. */
export function shownText({ text: own, tableHeader }: SearchHit['chunk']): string {
  return tableHeader === null ? own : `${tableHeader}\n${own}`;
}

type Details = { tool_calls?: { file_search?: { results?: object[] } }[] };

/** Of a step or of its delta. The text is stored with the results and shown to clients that ask for it with `include[]`. */
export function withoutSearchContent<T extends object>(data: T): T {
  const hide = (details: Details): Details => ({
    ...details,
    ...(details.tool_calls === undefined ? {} : { tool_calls: details.tool_calls.map(hideCall) }),
  });
  const { step_details, delta } = data as {
    step_details?: Details;
    delta?: { step_details?: Details };
  };
  if (step_details !== undefined) return { ...data, step_details: hide(step_details) };
  if (delta?.step_details === undefined) return data;
  return { ...data, delta: { ...delta, step_details: hide(delta.step_details) } };
}

function hideCall(call: NonNullable<Details['tool_calls']>[number]) {
  if (call.file_search?.results === undefined) return call;
  const results = call.file_search.results.map((result) => {
    const { content: _, ...shown } = result as { content?: unknown };
    return shown;
  });
  return { ...call, file_search: { ...call.file_search, results } };
}

/** The same for an event as it is stored. */
export function withoutSearchContentText(event: string, data: string): string {
  const mayHave = event.startsWith('thread.run.step.') && data.includes('"file_search"');
  return mayHave ? JSON.stringify(withoutSearchContent(JSON.parse(data) as object)) : data;
}
