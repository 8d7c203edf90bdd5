/** POST /vector_stores/{vector_store_id}/search. Without the embeddings server it finds by words, and says so. */
import type { RequestHandler } from 'express';

import { embeddingKey } from '../../db/document-vectors.ts';
import { searchStores } from '../../db/search.ts';
import type { Embedder } from '../../retrieval/index.ts';
import { EmbeddingError } from '../../retrieval/index.ts';
import { checkId } from '../../wire/ids.ts';
import { parseSearchVectorStore } from '../../wire/requests.ts';
import type { SearchMode } from '../../wire/search-results.ts';
import { toSearchResultsPage } from '../../wire/search-results.ts';
import type { ApiContext } from '../context.ts';
import { projectOf } from '../idempotency.ts';

/** Somebody waits for the answer: after so long one by words is better. */
const EMBEDDING_MS = 10_000;

const NO_ENDPOINT = 'No embeddings endpoint is configured.';
const NOT_EMBEDDED = 'Not every file of the vector store has been embedded with the current model.';

export function searchVectorStoreHandler(context: ApiContext): RequestHandler {
  const { embedder, log, pool, config } = context;
  return async (request, response) => {
    const id = checkId('vector_store_id', String(request.params.vector_store_id));
    const { queries, filters, ...options } = parseSearchVectorStore(request.body);
    const vectors = await embedQueries(embedder, queries);
    if ('failure' in vectors)
      log.warn({ vector_store_id: id, reason: vectors.failure }, 'Searching by words only');
    const { hits, byMeaning } = await searchStores(pool, {
      projectId: projectOf(response),
      vectorStoreIds: [id],
      queries: queries.map((text, at) => ({ text, vector: vectors.of[at] ?? null })),
      model: embedder && embeddingKey(embedder),
      filters,
      limit: options.max_num_results,
      scoreThreshold: options.score_threshold,
      ranker: options.ranker,
      candidates: config.searchCandidates,
    });
    const reason = vectors.failure ?? (embedder ? NOT_EMBEDDED : NO_ENDPOINT);
    const mode: SearchMode = byMeaning ? { mode: 'hybrid' } : { mode: 'lexical', reason };
    response.json(toSearchResultsPage(queries, hits, mode));
  };
}

type Vectors = { of: Float32Array[]; failure?: string };

/** No vectors when there is no endpoint, or when it gives none in time. */
async function embedQueries(embedder: Embedder | null, queries: string[]): Promise<Vectors> {
  if (embedder === null) return { of: [] };
  const late = AbortSignal.timeout(EMBEDDING_MS);
  try {
    return { of: await embedder.embed(queries, late) };
  } catch (error) {
    if (error instanceof EmbeddingError) return { of: [], failure: error.message };
    if (late.aborted) return { of: [], failure: 'The embeddings server did not answer in time.' };
    throw error;
  }
}
