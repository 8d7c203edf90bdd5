/** Vectors for stored chunks, and for documents that were stored before there was a model to embed them with. */
import { log } from '@temporalio/activity';

import {
  beginEmbedding,
  countUnembedded,
  embeddingKey,
  finishEmbedding,
  listUnembedded,
  readUnembedded,
  storeVectors,
} from '../../db/vector-stores/document-vectors.ts';
import { inProject, inWholeDatabase } from '../../db/core/row-scope.ts';
import type { Embedder } from '../../retrieval/index.ts';
import { EmbeddingError, toCode } from '../../retrieval/index.ts';
import type { ActivityDependencies } from '../dependencies.ts';

/** Chunks that are embedded, then stored: the embedder sends them in several requests at once. */
const EMBED_CHUNKS = 512;

/** Documents of one activity, and of those under way at once: most have few chunks. */
const DOCUMENTS = 32;
const AT_ONCE = 4;

/** Embeds the chunks between two ordinals that have no vector. */
export async function embedChunks(
  { pool }: ActivityDependencies,
  embedder: Embedder,
  { documentId, from, to }: { documentId: number; from: number; to: number },
  signal: AbortSignal,
): Promise<void> {
  const model = embeddingKey(embedder);
  for (let at = from; at < to; at += EMBED_CHUNKS) {
    const chunks = await readUnembedded(pool, documentId, at, Math.min(to, at + EMBED_CHUNKS));
    if (chunks.length === 0) continue;
    const vectors = await embedder.embed(
      chunks.map(({ text }) => text),
      signal,
    );
    const stored = chunks.map(({ id }, index) => {
      const vector = vectors[index]!;
      return { chunkId: id, embedding: toBytes(vector), code: toCode(vector) };
    });
    await storeVectors(pool, documentId, model, stored);
  }
}

/** `last` null: there is nothing left after `after`. */
export type EmbeddedPart = { last: number | null; failed: number; left: number };

/** Embeds the next documents that lack vectors of the configured model. */
export async function embedDocuments(
  deps: ActivityDependencies,
  after: number,
  signal: AbortSignal,
): Promise<EmbeddedPart> {
  const { pool, embedder } = deps;
  if (embedder === null) return { last: null, failed: 0, left: 0 };
  const model = embeddingKey(embedder);
  const documents = await inWholeDatabase(() => listUnembedded(pool, model, after, DOCUMENTS));
  const waiting = [...documents];
  let failed = 0;
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const document = next;
      const embed = () => embedDocument(deps, embedder, document, signal);
      failed += (await inProject(document.project_id, embed)) ? 0 : 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const left = await inWholeDatabase(() => countUnembedded(pool, model));
  return { last: documents.at(-1)?.id ?? null, failed, left };
}

/** False: the endpoint refuses this document's text, which would not change with another try. */
async function embedDocument(
  deps: ActivityDependencies,
  embedder: Embedder,
  document: { id: number; chunk_count: number },
  signal: AbortSignal,
): Promise<boolean> {
  const model = embeddingKey(embedder);
  try {
    if (await beginEmbedding(deps.pool, document.id, model)) {
      await embedChunks(
        deps,
        embedder,
        { documentId: document.id, from: 0, to: document.chunk_count },
        signal,
      );
      await finishEmbedding(deps.pool, document.id, model);
    }
    return true;
  } catch (error) {
    if (!(error instanceof EmbeddingError) || error.retryable) throw error;
    log.warn('A document could not be embedded', { document: document.id, reason: error.message });
    return false;
  }
}

/** Float32, little-endian as every processor that Node runs on. */
function toBytes({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
