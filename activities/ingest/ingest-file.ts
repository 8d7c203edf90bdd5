/**
 * The steps of an ingest. Each may run twice, and goes on where an earlier attempt stopped: what is stored is keyed by
 * document, ordinal and chunk. The result `ended` has the row's status.
 */
import { createHash } from 'node:crypto';

import { Context } from '@temporalio/activity';

import { BlobGoneError, readBlob } from '../../db/blobs/blobs.ts';
import type {
  Document,
  IngestStatus,
  IngestSource,
  NewChunk,
} from '../../db/vector-stores/documents.ts';
import {
  beginEmbedding,
  embeddingKey,
  finishEmbedding,
} from '../../db/vector-stores/document-vectors.ts';
import {
  claimDocument,
  countChunks,
  statusOfIngest,
  finishChunks,
  readIngest,
  readIngestDocument,
  setBlobHash,
  storeChunks,
} from '../../db/vector-stores/documents.ts';
import { completeFile } from '../../db/vector-stores/complete-file.ts';
import { DocumentError, extractChunks } from '../../retrieval/index.ts';
import { embedChunks } from './embed-chunks.ts';
import { toIngestFailure } from '../failures.ts';
import type { ActivityDependencies } from '../dependencies.ts';
import { alone } from './places.ts';
import { formatOf, wordsOf } from './text-format.ts';

export type IngestResult =
  | { kind: 'ended'; status: IngestStatus }
  | { kind: 'embed'; slices: number }
  | { kind: 'embedded' };

/** Chunks of one embedSlice: what a retry repeats at most, but for those that are stored already. */
const SLICE_CHUNKS = 512;

/** Chunks stored in one transaction: a few hundred kilobytes of text. */
const STORE_CHUNKS = 64;

/** A third of the heartbeat timeout. */
const HEARTBEAT_MS = 3_000;

/** Parses the file, cuts it, and stores the chunks, unless some file of the project has left the same ones behind. */
export async function cutFile(deps: ActivityDependencies, seq: number): Promise<IngestResult> {
  return beating(async (signal) => {
    const { pool, embedder } = deps;
    const source = await readIngest(pool, seq);
    if (source === undefined || source.status !== 'in_progress') return ended(deps, seq);
    const content = {
      sha256: source.sha256 ?? (await hashBlob(deps, source, signal)),
      format: formatOf(source.filename, deps.ocrLanguages),
      words: wordsOf(source.filename),
    };
    const step = <T>(work: () => Promise<T>) =>
      deps.ingests.steps.hold(source.project_id, signal, work);
    const claim = () => step(() => claimDocument(pool, seq, content));
    const document = await claim();
    if (document === undefined) return ended(deps, seq);
    const parse = async () => {
      // Another file with this content may have been parsed meanwhile.
      const now = await claim();
      if (now === undefined) return undefined;
      if (now.chunk_count !== null) return now.chunk_count;
      return deps.ingests.places.hold(source.project_id, signal, () =>
        storeAll(deps, { seq, document: now }, source, signal),
      );
    };
    const count = document.chunk_count ?? (await alone(deps.ingests, document.id, signal, parse));
    if (count === undefined) return ended(deps, seq);
    const embed =
      embedder !== null && (await beginEmbedding(pool, document.id, embeddingKey(embedder)));
    if (embed) return { kind: 'embed', slices: Math.ceil(count / SLICE_CHUNKS) };
    return { kind: 'ended', status: await step(() => completeFile(pool, seq, document.id)) };
  });
}

/** Stores what lies behind the chunks that are stored already. Undefined: the ingest is not wanted any more. */
async function storeAll(
  { pool, parseLimits, parsers, ocrLanguages: languages }: ActivityDependencies,
  { seq, document }: { seq: number; document: Document },
  source: IngestSource,
  signal: AbortSignal,
): Promise<number | undefined> {
  const stored = await countChunks(pool, document.id);
  const file = {
    filename: source.filename,
    bytes: source.bytes,
    read: () => readBlob(pool, source.blob_id),
  };
  const sizes = { maxTokens: source.max_chunk_tokens, overlapTokens: source.chunk_overlap_tokens };
  let ordinal = 0;
  let held: NewChunk[] = [];
  const reuse = { pool: parsers, owner: source.project_id };
  const options = { ...sizes, signal, limits: parseLimits, reuse, languages };
  for await (const chunk of extractChunks(file, options)) {
    if (ordinal >= stored) held.push({ ...chunk, ordinal });
    ordinal += 1;
    if (held.length < STORE_CHUNKS) continue;
    if (!(await storeChunks(pool, seq, document, held))) return undefined;
    held = [];
  }
  if (ordinal === 0) throw new DocumentError('invalid_file', 'The file contains no text.');
  if (held.length > 0 && !(await storeChunks(pool, seq, document, held))) return undefined;
  await finishChunks(pool, document.id, ordinal);
  return ordinal;
}

/** Embeds one part of the file's chunks; the last part also commits the file. */
export async function embedSlice(
  deps: ActivityDependencies,
  seq: number,
  slice: number,
): Promise<IngestResult> {
  return beating(async (signal) => {
    const { pool, embedder } = deps;
    const document = await readIngestDocument(pool, seq);
    if (document === undefined) return ended(deps, seq);
    const last = (slice + 1) * SLICE_CHUNKS >= document.chunk_count;
    if (embedder !== null) {
      // With the last part, also what a change of the model in the middle of the ingest has left without a vector.
      const from = last ? 0 : slice * SLICE_CHUNKS;
      const part = { documentId: document.id, from, to: (slice + 1) * SLICE_CHUNKS };
      await alone(deps.ingests, document.id, signal, () =>
        deps.ingests.places.hold(document.project_id, signal, () =>
          embedChunks(deps, embedder, part, signal),
        ),
      );
      if (last) await finishEmbedding(pool, document.id, embeddingKey(embedder));
    }
    if (!last) return { kind: 'embedded' };
    return { kind: 'ended', status: await completeFile(pool, seq, document.id) };
  });
}

async function ended({ pool }: ActivityDependencies, seq: number): Promise<IngestResult> {
  return { kind: 'ended', status: await statusOfIngest(pool, seq) };
}

/** Content put together from parts was never read as a whole. */
async function hashBlob(
  { pool }: ActivityDependencies,
  source: IngestSource,
  signal: AbortSignal,
): Promise<Buffer> {
  const hash = createHash('sha256');
  for await (const piece of readBlob(pool, source.blob_id)) {
    signal.throwIfAborted();
    hash.update(piece);
  }
  const sha256 = hash.digest();
  await setBlobHash(pool, source.blob_id, sha256);
  return sha256;
}

/** Heartbeats from its first moment; a cancel aborts the signal, and what is thrown says whether it is tried again. */
export async function beating<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const context = Context.current();
  const heartbeat = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
  try {
    return await work(context.cancellationSignal);
  } catch (error) {
    const { cancellationSignal: signal } = context;
    // The file was deleted while it was read: the next attempt finds its row gone.
    if (error instanceof BlobGoneError) throw toIngestFailure(new Error(error.message));
    throw toIngestFailure(signal.aborted ? signal.reason : error);
  } finally {
    clearInterval(heartbeat);
  }
}
