/** One file_search call: its result is stored once, so an attempt that is repeated searches again and changes nothing. */
import { log } from '@temporalio/activity';

import { embeddingKey } from '../db/vector-stores/document-vectors.ts';
import { searchStores } from '../db/vector-stores/search.ts';
import type { PendingToolCall, RunToolResult } from '../db/turns/tool-calls.ts';
import { StaleCallError, storeSearch } from '../db/turns/tool-calls.ts';
import { EmbeddingError } from '../retrieval/index.ts';
import type { RunId } from '../wire/ids.ts';
import { rankingOptionsOf } from '../wire/objects.ts';
import type { FileSearchResult } from '../wire/rows.ts';
import type { SearchHit } from '../wire/search-results.ts';
import { shownText } from '../wire/search-results.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { readQueries } from './model/request/build-tools.ts';

/** A run waits for the answer: after so long one by words is better. */
const EMBEDDING_MS = 10_000;
const RESULTS = 20;
/** For models with small context windows, as hosted. */
const FEW_RESULTS = 5;

export async function searchFiles(
  deps: ActivityDependencies,
  runId: RunId,
  call: PendingToolCall,
  signal: AbortSignal,
): Promise<RunToolResult> {
  const { pool, embedder } = deps;
  const options = rankingOptionsOf(call.tools);
  const queries = readQueries(call.input);
  const vectors = await embedQueries(deps, queries, signal);
  const found =
    queries.length === 0
      ? { hits: [] }
      : await searchStores(pool, {
          projectId: call.project_id,
          vectorStoreIds: call.vector_store_ids,
          existingOnly: true,
          queries: queries.map((text, at) => ({ text, vector: vectors[at] ?? null })),
          model: embedder && embeddingKey(embedder),
          filters: null,
          limit: limitOf(call),
          scoreThreshold: options.score_threshold,
          ranker: 'auto',
          candidates: deps.searchCandidates,
          signal,
        }).catch((error: unknown) => {
          signal.throwIfAborted();
          throw error;
        });
  const search = { ranking_options: options, results: found.hits.map(toResult) };
  try {
    return await storeSearch(pool, { runId, callId: call.id }, search);
  } catch (error) {
    if (error instanceof StaleCallError) return error.result;
    throw error;
  }
}

function limitOf({ tools, model }: PendingToolCall): number {
  for (const tool of tools) {
    if (tool.type === 'file_search' && tool.file_search?.max_num_results !== undefined) {
      return tool.file_search.max_num_results;
    }
  }
  return model.startsWith('gpt-3.5') ? FEW_RESULTS : RESULTS;
}

/** Empty: by words only. */
async function embedQueries(
  { embedder }: ActivityDependencies,
  queries: string[],
  signal: AbortSignal,
): Promise<Float32Array[]> {
  if (embedder === null || queries.length === 0) return [];
  const late = AbortSignal.timeout(EMBEDDING_MS);
  try {
    return await embedder.embed(queries, AbortSignal.any([signal, late]));
  } catch (error) {
    signal.throwIfAborted();
    if (!late.aborted && !(error instanceof EmbeddingError)) throw error;
    const reason = late.aborted ? 'no answer in time' : (error as Error).message;
    log.warn('Searching by words only', { reason });
    return [];
  }
}

/** Names that the clients refuse in a delta. */
const REFUSED = new Set(['__proto__', 'constructor', 'prototype']);

function toResult({ fileId, filename, score, attributes, chunk }: SearchHit): FileSearchResult {
  return {
    file_id: fileId,
    file_name: filename,
    score,
    attributes: Object.fromEntries(Object.entries(attributes).filter(([key]) => !REFUSED.has(key))),
    content: [{ type: 'text', text: passage(chunk) }],
  };
}

/** A model cannot look around a chunk: it reads below which headings the text stands. */
function passage(chunk: SearchHit['chunk']): string {
  const path = chunk.headings.join(' > ');
  return path === '' ? shownText(chunk) : `${path}\n${shownText(chunk)}`;
}
