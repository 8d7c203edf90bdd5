/**
 * The vectors of documents: each chunk has one, made with the one model of its document. A document counts as embedded only
 * once all of them are there; their bit codes are then copied into every store that has it.
 */
import type { ProjectId } from '../../wire/ids.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { columnsOf, query, withQuickTransaction, withTransaction } from '../core/pool.ts';

/** Names what vectors were made with: those of different keys cannot be compared. */
export function embeddingKey(embedder: { model: string; dimensions: number | null }): string {
  return `${embedder.model}/${embedder.dimensions ?? 'own'}`;
}

/**
 * Prepares for vectors of `model`: those of another one go, also from the stores. False: it has all of this model's.
 */
export async function beginEmbedding(
  pool: Pool,
  documentId: number,
  model: string,
): Promise<boolean> {
  return withTransaction(pool, async (tx) => {
    const rows = await query<{ embedding_with: string | null; embedded_with: string | null }>(
      tx,
      'documents.begin-embedding',
      'select embedding_with, embedded_with from documents where id = $1 for update',
      [documentId],
    );
    const document = rows[0];
    if (document === undefined || document.embedded_with === model) return false;
    if (document.embedding_with === model) return true;
    await dropVectors(tx, documentId);
    await query(
      tx,
      'documents.embedding-with',
      'update documents set embedding_with = $2, embedded_with = null where id = $1',
      [documentId, model],
    );
    return true;
  });
}

async function dropVectors(tx: Tx, documentId: number): Promise<void> {
  await query(
    tx,
    'documents.drop-codes',
    `delete from chunk_codes c using vector_store_files f
     where f.document_id = $1 and c.vector_store_id = f.vector_store_id and c.store_file = f.seq`,
    [documentId],
  );
  await query(
    tx,
    'documents.drop-vectors',
    'delete from chunk_vectors v using chunks c where c.document_id = $1 and v.chunk_id = c.id',
    [documentId],
  );
}

/** Chunks without a vector, from one ordinal up to another, in order: their texts below titles and header. */
export async function readUnembedded(
  db: Queryable,
  documentId: number,
  from: number,
  to: number,
): Promise<{ id: number; text: string }[]> {
  return query<{ id: number; text: string }>(
    db,
    'documents.unembedded',
    `select c.id, concat_ws(E'\\n', nullif(array_to_string(c.headings, ' > '), ''), c.table_header, c.text) as text
     from chunks c where c.document_id = $1 and c.ordinal >= $2 and c.ordinal < $3
       and not exists (select from chunk_vectors v where v.chunk_id = c.id) order by c.ordinal`,
    [documentId, from, to],
  );
}

export type NewVector = { chunkId: number; embedding: Buffer; code: string };

/** Stores nothing when the document is gone, or is being embedded with another model. */
export async function storeVectors(
  pool: Pool,
  documentId: number,
  model: string,
  vectors: readonly NewVector[],
): Promise<void> {
  await withQuickTransaction(pool, async (tx) => {
    await query(
      tx,
      'documents.store-vectors',
      `with document as (select id from documents where id = $1 and embedding_with = $2 for key share)
       insert into chunk_vectors (chunk_id, embedding, code)
       select c.id, v.embedding, v.code::bit varying
       from document d join chunks c on c.document_id = d.id
         join unnest($3::bigint[], $4::bytea[], $5::text[]) v(chunk_id, embedding, code) on v.chunk_id = c.id
       on conflict (chunk_id) do nothing`,
      [documentId, model, ...columnsOf(vectors, 'chunkId', 'embedding', 'code')],
    );
  });
}

/**
 * The document has a vector for every chunk: from now on searches by meaning find it in every store that has it. False:
 * vectors are missing.
 */
export async function finishEmbedding(
  pool: Pool,
  documentId: number,
  model: string,
): Promise<boolean> {
  return withTransaction(pool, async (tx) => {
    await lockDocument(tx, documentId);
    const rows = await query<{ id: number }>(
      tx,
      'documents.finish-embedding',
      `update documents d set embedded_with = $2, vectors_stored = stored.bytes
       from (select count(*) as count, coalesce(sum(50 + pg_column_size(embedding) + pg_column_size(code)), 0) as bytes
         from chunks c join chunk_vectors v on v.chunk_id = c.id where c.document_id = $1) stored
       where d.id = $1 and d.embedding_with = $2 and d.chunk_count = stored.count returning d.id`,
      [documentId, model],
    );
    if (rows.length === 0) return false;
    await copyCodes(tx, documentId, null);
    await countUsage(tx, documentId, null);
    return true;
  });
}

export async function lockDocument(tx: Tx, documentId: number): Promise<void> {
  await query(tx, 'documents.lock-one', 'select id from documents where id = $1 for update', [
    documentId,
  ]);
}

/** Into files of stores, or into all that are completed. */
export async function copyCodes(
  tx: Tx,
  documentId: number,
  seqs: readonly number[] | null,
): Promise<void> {
  await query(
    tx,
    'documents.copy-codes',
    `insert into chunk_codes (vector_store_id, store_file, chunk_id, code)
     select f.vector_store_id, f.seq, v.chunk_id, v.code
     from vector_store_files f join chunks c on c.document_id = f.document_id join chunk_vectors v on v.chunk_id = c.id
     where f.document_id = $1 and f.status = 'completed' and ($2::bigint[] is null or f.seq = any($2))
     on conflict do nothing`,
    [documentId, seqs],
  );
}

/** Text and vectors, of files of stores or of all. */
export async function countUsage(
  tx: Tx,
  documentId: number,
  seqs: readonly number[] | null,
): Promise<void> {
  await query(
    tx,
    'documents.count-usage',
    `update vector_store_files f set usage_bytes = d.text_bytes + (
       select coalesce(sum(octet_length(v.embedding)), 0) from chunks c join chunk_vectors v on v.chunk_id = c.id
       where c.document_id = d.id)
     from documents d where d.id = $1 and f.document_id = d.id and f.status = 'completed'
       and ($2::bigint[] is null or f.seq = any($2))`,
    [documentId, seqs],
  );
}

const UNEMBEDDED = `d.chunk_count is not null and d.embedded_with is distinct from $1
  and exists (select from vector_store_files f where f.document_id = d.id and f.status = 'completed')`;

/** Documents that lack vectors of `model`, by id. Those of files that are being ingested are not among them. */
export async function listUnembedded(
  db: Queryable,
  model: string,
  after: number,
  limit: number,
): Promise<{ id: number; project_id: ProjectId; chunk_count: number }[]> {
  return query<{ id: number; project_id: ProjectId; chunk_count: number }>(
    db,
    'documents.list-unembedded',
    `select d.id, d.project_id, d.chunk_count from documents d where d.id > $2 and ${UNEMBEDDED} order by d.id limit $3`,
    [model, after, limit],
  );
}

export async function countUnembedded(db: Queryable, model: string): Promise<number> {
  const rows = await query<{ count: number }>(
    db,
    'documents.count-unembedded',
    `select count(*) from documents d where ${UNEMBEDDED}`,
    [model],
  );
  return rows[0]!.count;
}
