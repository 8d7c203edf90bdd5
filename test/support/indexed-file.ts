/** A file in a vector store with given chunks and vectors, stored by the functions that an ingest uses. */
import { createHash } from 'node:crypto';

import { writeBlob } from '../../db/blobs/write-blob.ts';
import { completeFile } from '../../db/vector-stores/complete-file.ts';
import {
  beginEmbedding,
  finishEmbedding,
  storeVectors,
} from '../../db/vector-stores/document-vectors.ts';
import type { NewChunk, WordConfiguration } from '../../db/vector-stores/documents.ts';
import { claimDocument, finishChunks, storeChunks } from '../../db/vector-stores/documents.ts';
import { createFileOfBlob } from '../../db/files/files.ts';
import type { Pool } from '../../db/core/pool.ts';
import { withTransaction } from '../../db/core/pool.ts';
import { addFiles } from '../../db/vector-stores/vector-store-files.ts';
import { createVectorStore } from '../../db/vector-stores/vector-stores.ts';
import { toCode } from '../../retrieval/index.ts';
import type { FileId, ProjectId, VectorStoreId } from '../../wire/ids.ts';
import type { FileAttributes } from '../../wire/types.ts';

export type IndexedFile = {
  filename: string;
  attributes: FileAttributes;
  words: WordConfiguration;
  chunks: readonly NewChunk[];
  /** One for each chunk, of length 1. Null: not embedded. */
  vectors: readonly Float32Array[] | null;
  /** What made the vectors, as `embeddingKey` says it. */
  model: string;
};

export async function newStore(pool: Pool, projectId: ProjectId): Promise<VectorStoreId> {
  const fields = { name: 'S', description: null, metadata: {}, expires_after_days: null };
  return withTransaction(pool, (tx) => createVectorStore(tx, projectId, fields));
}

/** Returns the file's id. */
export async function indexFile(
  pool: Pool,
  projectId: ProjectId,
  storeId: VectorStoreId,
  file: IndexedFile,
): Promise<FileId> {
  const text = file.chunks.map((chunk) => chunk.text).join('\n');
  const id = await newFile(pool, projectId, file.filename, text);
  const seq = await addFile(pool, projectId, storeId, id, file.attributes);
  await ingestAs(pool, seq, file);
  return id;
}

/** What an ingest does with a row of vector_store_files. */
export async function ingestAs(pool: Pool, seq: number, file: IndexedFile): Promise<void> {
  const text = file.chunks.map((chunk) => chunk.text).join('\n');
  const sha256 = createHash('sha256').update(text).digest();
  const document = await claimDocument(pool, seq, { sha256, format: 'text', words: file.words });
  if (document === undefined) throw new Error('The file is not wanted.');
  await storeChunks(pool, seq, document, file.chunks);
  await finishChunks(pool, document.id, file.chunks.length);
  if (file.vectors !== null) await embed(pool, document.id, file.model, file.vectors);
  await completeFile(pool, seq, document.id);
}

/** Returns its id. */
export async function newFile(
  pool: Pool,
  projectId: ProjectId,
  filename: string,
  text: string,
): Promise<FileId> {
  // oxlint-disable-next-line typescript/require-await -- a blob's source is asynchronous
  async function* source(): AsyncGenerator<Buffer> {
    yield Buffer.from(text);
  }
  const blob = await writeBlob(pool, projectId, source(), { maxBytes: 100_000_000 });
  const file = {
    filename,
    purpose: 'assistants' as const,
    blobId: blob.id,
    bytes: blob.bytes,
  };
  return (await withTransaction(pool, (tx) => createFileOfBlob(tx, projectId, file))).id;
}

export async function addFile(
  pool: Pool,
  projectId: ProjectId,
  storeId: VectorStoreId,
  fileId: FileId,
  attributes: FileAttributes,
): Promise<number> {
  const file = { file_id: fileId, attributes, max_chunk_tokens: 800, chunk_overlap_tokens: 400 };
  await withTransaction(pool, (tx) => addFiles(tx, { projectId, storeId }, [file]));
  const { rows } = await pool.query<{ seq: number }>(
    'select seq from vector_store_files where vector_store_id = $1 and file_id = $2',
    [storeId, fileId],
  );
  return rows[0]!.seq;
}

async function embed(
  pool: Pool,
  documentId: number,
  model: string,
  vectors: readonly Float32Array[],
): Promise<void> {
  await beginEmbedding(pool, documentId, model);
  const { rows } = await pool.query<{ id: number; ordinal: number }>(
    'select id, ordinal from chunks where document_id = $1',
    [documentId],
  );
  const given = rows.map(({ id, ordinal }) => {
    const vector = vectors[ordinal]!;
    const { buffer, byteOffset, byteLength } = vector;
    const embedding = Buffer.from(buffer, byteOffset, byteLength);
    return { chunkId: id, embedding, code: toCode(vector) };
  });
  await storeVectors(pool, documentId, model, given);
  await finishEmbedding(pool, documentId, model);
}
