/** Files in vector stores with the chunks and vectors that a test names, stored by the functions that an ingest uses. */
import { createHash } from 'node:crypto';

import type { WordConfiguration } from '../../db/documents.ts';
import { beginEmbedding, finishEmbedding, storeVectors } from '../../db/document-vectors.ts';
import { claimDocument, completeFile, finishChunks, storeChunks } from '../../db/documents.ts';
import { createFileOfBlob } from '../../db/files.ts';
import type { Pool } from '../../db/pool.ts';
import { withTransaction } from '../../db/pool.ts';
import { addFiles } from '../../db/vector-store-files.ts';
import { createVectorStore } from '../../db/vector-stores.ts';
import { writeBlob } from '../../db/blobs.ts';
import { toCode } from '../../retrieval/index.ts';
import type { FileAttributes } from '../../wire/types.ts';
import { embed } from '../support/fake-embeddings.ts';

export const MODEL = 'words/64';

export type Indexed = {
  chunks: string[];
  filename?: string;
  attributes?: FileAttributes;
  words?: WordConfiguration;
  /** Null: not embedded. */
  model?: string | null;
  /** Code points that a chunk shares with the one before. */
  overlap?: number;
};

export async function newStore(pool: Pool, projectId: string): Promise<string> {
  const fields = { name: 'S', description: null, metadata: {}, expires_after_days: null };
  return withTransaction(pool, (tx) => createVectorStore(tx, projectId, fields));
}

/** A vector of length 1 of the text's words. */
export function vectorOf(text: string): Float32Array {
  const numbers = embed(text, 64);
  const length = Math.hypot(...numbers) || 1;
  return Float32Array.from(numbers, (number) => number / length);
}

/** The file's id. */
export async function indexFile(
  pool: Pool,
  projectId: string,
  storeId: string,
  file: Indexed,
): Promise<string> {
  const text = file.chunks.join('\n');
  const id = await newFile(pool, projectId, file.filename ?? 'a.txt', text);
  const seq = await addFile(pool, projectId, storeId, id, file.attributes ?? {});
  const document = await claimDocument(pool, seq, {
    sha256: createHash('sha256').update(text).digest(),
    format: 'text',
    words: file.words ?? 'english',
  });
  if (document === undefined) throw new Error('The file is not wanted.');
  await storeChunks(pool, seq, document.id, cut(file));
  await finishChunks(pool, document.id, file.chunks.length);
  if (file.model !== null) await embedDocument(pool, document.id, file.model ?? MODEL);
  await completeFile(pool, seq, document.id);
  return id;
}

async function newFile(
  pool: Pool,
  projectId: string,
  filename: string,
  text: string,
): Promise<string> {
  // oxlint-disable-next-line typescript/require-await -- a blob's source is asynchronous
  async function* source(): AsyncGenerator<Buffer> {
    yield Buffer.from(text);
  }
  const blob = await writeBlob(pool, projectId, source(), { maxBytes: 10_000_000 });
  const { id } = await withTransaction(pool, (tx) =>
    createFileOfBlob(tx, projectId, {
      filename,
      purpose: 'assistants',
      blobId: blob.id,
      bytes: blob.bytes,
    }),
  );
  return id;
}

async function addFile(
  pool: Pool,
  projectId: string,
  storeId: string,
  fileId: string,
  attributes: FileAttributes,
): Promise<number> {
  const sizes = { max_chunk_tokens: 800, chunk_overlap_tokens: 400 };
  await withTransaction(pool, (tx) =>
    addFiles(tx, projectId, storeId, [{ file_id: fileId, attributes, ...sizes }]),
  );
  const { rows } = await pool.query<{ seq: number }>(
    'select seq from vector_store_files where vector_store_id = $1 and file_id = $2',
    [storeId, fileId],
  );
  return rows[0]!.seq;
}

function cut({ chunks, overlap = 0 }: Indexed) {
  let end = 0;
  return chunks.map((text, ordinal) => {
    const start = ordinal === 0 ? 0 : end - overlap;
    end = start + Array.from(text).length;
    return { ordinal, text, page: null, start, end, tokens: text.split(' ').length };
  });
}

export async function embedDocument(pool: Pool, documentId: number, model: string): Promise<void> {
  await beginEmbedding(pool, documentId, model);
  const { rows } = await pool.query<{ id: number; text: string }>(
    'select id, text from chunks where document_id = $1',
    [documentId],
  );
  const vectors = rows.map(({ id, text }) => {
    const vector = vectorOf(text);
    return { chunkId: id, embedding: Buffer.from(vector.buffer), code: toCode(vector) };
  });
  await storeVectors(pool, documentId, model, vectors);
  await finishEmbedding(pool, documentId, model);
}
