import { setImmediate } from 'node:timers/promises';

import { embeddingKey } from '../../../db/vector-stores/document-vectors.ts';
import { searchStores } from '../../../db/vector-stores/search.ts';
import type { Embedder } from '../../../retrieval/index.ts';
import { EmbeddingError, highlighter } from '../../../retrieval/index.ts';
import { searchVectorStoreSchema } from '../../../wire/requests/search.ts';
import type { Highlight, SearchHit, SearchMode } from '../../../wire/search-results.ts';
import { searchResultsPage, toSearchResultsPage } from '../../../wire/search-results.ts';
import { operation } from '../../operation.ts';

/** In ms. A client waits: after this time a search by words alone is better. */
const EMBEDDING_MS = 10_000;

const NO_ENDPOINT = 'No embeddings endpoint is configured.';
const NOT_EMBEDDED = 'Not every file of the vector store has been embedded with the current model.';

/** Without the embeddings server it finds by words, and says so. */
export const searchVectorStore = operation({
  route: 'POST /vector_stores/{vector_store_id}/search',
  scope: 'read',
  rateClass: 'search',
  body: searchVectorStoreSchema,
  answer: searchResultsPage,
  async read({ context: { config, embedder, log }, pool, project, ids, body }) {
    const id = ids.vector_store_id;
    const vectors = await embedQueries(embedder, body.queries);
    if ('failure' in vectors) {
      log.warn({ vector_store_id: id, reason: vectors.failure }, 'Searching by words only');
    }
    const { hits, byMeaning } = await searchStores(pool, {
      projectId: project,
      vectorStoreIds: [id],
      queries: body.queries.map((text, at) => ({ text, vector: vectors.of[at] ?? null })),
      model: embedder && embeddingKey(embedder),
      filters: body.filters,
      limit: body.max_num_results,
      scoreThreshold: body.score_threshold,
      ranker: body.ranker,
      candidates: config.searchCandidates,
    });
    const reason = vectors.failure ?? (embedder ? NOT_EMBEDDED : NO_ENDPOINT);
    const mode: SearchMode = byMeaning ? { mode: 'hybrid' } : { mode: 'lexical', reason };
    return toSearchResultsPage(body.queries, await highlight(body.queries, hits), mode);
  },
});

/** In the text of the file, as the chunk's own place is. Texts may be long: between them the event loop has its turn. */
async function highlight(
  queries: readonly string[],
  hits: readonly SearchHit[],
): Promise<(SearchHit & { highlights: Highlight[] })[]> {
  const find = highlighter(queries);
  const highlighted = [];
  for (const hit of hits) {
    const { text, start } = hit.chunk;
    const highlights = find(text).map(([from, to]): Highlight => [start + from, start + to]);
    highlighted.push({ ...hit, highlights });
    await setImmediate();
  }
  return highlighted;
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
