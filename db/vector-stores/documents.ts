/**
 * Documents: the chunks of some content cut in one way. Everything here may run twice, also at the same
 * time: chunks are keyed by document and ordinal, and a file's end is one compare-and-set of its row.
 */
import { WORD_RULES } from '../../retrieval/index.ts';
import { ingestEnded } from '../../telemetry/metrics.ts';
import type { ProjectId } from '../../wire/ids.ts';
import type { SearchHit } from '../../wire/search-results.ts';
import type { VectorStoreFileError, VectorStoreFileStatus } from '../../wire/types.ts';
import { toJson } from '../core/json.ts';
import { releaseDocuments } from '../files/detach-files.ts';
import { wordsOfChunks } from './document-words.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { afterCommit, query, withQuickTransaction, withTransaction } from '../core/pool.ts';

/** What there is to ingest. */
export type IngestSource = {
  status: VectorStoreFileStatus;
  project_id: ProjectId;
  filename: string;
  bytes: number;
  blob_id: number;
  /** Null of content that was put together from parts. */
  sha256: Buffer | null;
  max_chunk_tokens: number;
  chunk_overlap_tokens: number;
};

export type Document = {
  id: number;
  /** Null until every chunk is stored. */
  chunk_count: number | null;
  embedded_with: string | null;
  project_id: ProjectId;
  words: WordConfiguration;
};

export type NewChunk = Omit<SearchHit['chunk'], 'id'> & { tokens: number };

/** How words become lexemes: stemmed for prose, as they are for code. */
export type WordConfiguration = 'english' | 'simple';

/** How an ingest ended: `removed` when the file left its store meanwhile. */
export type IngestStatus = VectorStoreFileStatus | 'removed';

export type IngestEndReason =
  { status: 'cancelled' } | { status: 'failed'; error: VectorStoreFileError };

/** Undefined: the file left the store. */
export async function readIngest(db: Queryable, seq: number): Promise<IngestSource | undefined> {
  const rows = await query<IngestSource>(
    db,
    'documents.ingest',
    `select v.status, v.project_id, f.filename, f.bytes, f.blob_id, b.sha256, v.max_chunk_tokens, v.chunk_overlap_tokens
     from vector_store_files v join files f on f.id = v.file_id join blobs b on b.id = f.blob_id where v.seq = $1`,
    [seq],
  );
  return rows[0];
}

/** Of content put together from parts, once somebody has read all of it. */
export async function setBlobHash(db: Queryable, blobId: number, sha256: Buffer): Promise<void> {
  await query(db, 'documents.hash', 'update blobs set sha256 = $2 where id = $1', [blobId, sha256]);
}

/** The document that the file needs, which it keeps from now on. Undefined: the ingest is not wanted any more. */
export async function claimDocument(
  pool: Pool,
  seq: number,
  content: { sha256: Buffer; format: string; words: WordConfiguration },
): Promise<Document | undefined> {
  return withTransaction(pool, async (tx) => {
    // The update is the lock that a release waits for.
    const rows = await query<Document>(
      tx,
      'documents.claim',
      `insert into documents (project_id, sha256, format, words, max_chunk_tokens, chunk_overlap_tokens)
       select project_id, $2, $3, $4, max_chunk_tokens, chunk_overlap_tokens from vector_store_files
       where seq = $1 and status = 'in_progress'
       on conflict (project_id, sha256, format, max_chunk_tokens, chunk_overlap_tokens)
         do update set words = documents.words
       returning id, chunk_count, embedded_with, project_id, words`,
      [seq, content.sha256, content.format, content.words],
    );
    const document = rows[0];
    if (document === undefined) return undefined;
    const kept = await query<{ seq: number }>(
      tx,
      'documents.keep',
      `update vector_store_files set document_id = $2, updated_at = clock_timestamp()
       where seq = $1 and status = 'in_progress' returning seq`,
      [seq, document.id],
    );
    if (kept[0] !== undefined) return document;
    await releaseDocuments(tx, [document.id]);
    return undefined;
  });
}

/** How many chunks, from the first on, are stored. */
export async function countChunks(db: Queryable, documentId: number): Promise<number> {
  const rows = await query<{ count: number }>(
    db,
    'documents.count-chunks',
    'select coalesce(max(ordinal) + 1, 0) as count from chunks where document_id = $1',
    [documentId],
  );
  return rows[0]!.count;
}

/** Stores chunks in the order of the text. False: the ingest is not wanted any more, and nothing was stored. */
export async function storeChunks(
  pool: Pool,
  seq: number,
  document: Pick<Document, 'id' | 'project_id' | 'words'>,
  chunks: readonly NewChunk[],
): Promise<boolean> {
  const words = await wordsOfChunks(document, chunks);
  return withQuickTransaction(pool, async (tx) => {
    if (!(await holdIngest(tx, seq))) return false;
    await query(
      tx,
      'documents.store-chunks',
      `insert into chunks (document_id, ordinal, text, page, start_offset, end_offset, tokens, tsv, word_rules,
         headings, table_header)
       select d.id, c.ordinal, c.text, c.page, c.start_offset, c.end_offset, c.tokens, c.words::tsvector, $9,
         array(select json_array_elements_text(c.headings)), c.table_header
       from documents d, unnest($2::integer[], $3::text[], $4::integer[], $5::integer[], $6::integer[], $7::integer[], $8::text[],
         $10::json[], $11::text[])
         c(ordinal, text, page, start_offset, end_offset, tokens, words, headings, table_header)
       where d.id = $1 and d.chunk_count is null
       on conflict (document_id, ordinal) do nothing`,
      [
        document.id,
        chunks.map(({ ordinal }) => ordinal),
        chunks.map(({ text }) => text),
        chunks.map(({ page }) => page),
        chunks.map(({ start }) => start),
        chunks.map(({ end }) => end),
        chunks.map(({ tokens }) => tokens),
        words,
        WORD_RULES,
        chunks.map(({ headings }) => toJson(headings)),
        chunks.map(({ tableHeader }) => tableHeader),
      ],
    );
    return true;
  });
}

/** Keeps the file in its store, and so its document, to the end of the transaction. */
async function holdIngest(tx: Tx, seq: number): Promise<boolean> {
  const rows = await query<{ seq: number }>(
    tx,
    'documents.hold',
    `select seq from vector_store_files where seq = $1 and status = 'in_progress' for key share`,
    [seq],
  );
  return rows.length > 0;
}

/** The text is at its end. @throws Error when the chunks stored are not those that were cut */
export async function finishChunks(
  db: Queryable,
  documentId: number,
  count: number,
): Promise<void> {
  const rows = await query<{ count: number }>(
    db,
    'documents.finish-chunks',
    `with stored as (select count(*) as count, sum(tokens) as tokens, sum(octet_length(text)) as bytes,
         coalesce(sum(200 + pg_column_size(text) + pg_column_size(tsv)), 0) as kept,
         min(word_rules) as rules from chunks where document_id = $1),
       finished as (update documents set chunk_count = stored.count, token_count = stored.tokens, text_bytes = stored.bytes, text_stored = stored.kept,
         word_rules = coalesce(stored.rules, word_rules) from stored where id = $1 and stored.count = $2)
     select count from stored`,
    [documentId, count],
  );
  if (rows[0]!.count !== count) {
    throw new Error(`Document ${documentId} has ${rows[0]!.count} chunks instead of ${count}.`);
  }
}

/** The end of an ingest that did not work, unless it has ended already. */
export async function endIngest(
  pool: Pool,
  seq: number,
  reason: IngestEndReason,
): Promise<IngestStatus> {
  return withTransaction(pool, async (tx) => {
    const rows = await query<{ document_id: number | null }>(
      tx,
      'documents.settle-file',
      `with old as (select seq, document_id from vector_store_files where seq = $1 and status = 'in_progress' for update)
       update vector_store_files f set status = $2, last_error = $3::jsonb, document_id = null,
         updated_at = clock_timestamp()
       from old where f.seq = old.seq returning old.document_id`,
      [seq, reason.status, reason.status === 'failed' ? toJson(reason.error) : null],
    );
    const row = rows[0];
    if (row === undefined) return statusOfIngest(tx, seq);
    afterCommit(tx, () => ingestEnded(reason.status));
    if (row.document_id !== null) await releaseDocuments(tx, [row.document_id]);
    return reason.status;
  });
}

/** What became of an ingest. */
export async function statusOfIngest(db: Queryable, seq: number): Promise<IngestStatus> {
  const rows = await query<{ status: VectorStoreFileStatus }>(
    db,
    'documents.end-of',
    'select status from vector_store_files where seq = $1',
    [seq],
  );
  return rows[0]?.status ?? 'removed';
}

/** The document of an ingest that is wanted. */
export async function readIngestDocument(
  db: Queryable,
  seq: number,
): Promise<{ id: number; chunk_count: number; project_id: ProjectId } | undefined> {
  const rows = await query<{ id: number; chunk_count: number; project_id: ProjectId }>(
    db,
    'documents.of-ingest',
    `select d.id, d.chunk_count, d.project_id from vector_store_files f join documents d on d.id = f.document_id
     where f.seq = $1 and f.status = 'in_progress' and d.chunk_count is not null`,
    [seq],
  );
  return rows[0];
}

/** In use, whole, and without all vectors of a model ($1). */
