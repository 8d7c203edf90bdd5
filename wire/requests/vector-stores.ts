/** Vector stores, their files and file batches. A chunking strategy is stored as its two numbers. */
import { z } from 'zod';
import { parseBody } from './body.ts';
import { attributes, fileId, integer, LIMITS, list, metadata, problem, text } from './fields.ts';
import type { ChunkingStrategy } from './tools.ts';
import { chunkingStrategy } from './tools.ts';
import type { FileId } from '../ids.ts';
import type { FileAttributes, Metadata } from '../types.ts';

const expiresAfter = z.strictObject({
  anchor: z.literal('last_active_at'),
  days: integer(1, LIMITS.storeDays),
});

export const createVectorStoreSchema = z.strictObject({
  file_ids: list(fileId, 'strings', LIMITS.newStoreFiles).nullish(),
  name: text(LIMITS.name).nullish(),
  description: text(LIMITS.description).nullish(),
  expires_after: expiresAfter.nullish(),
  chunking_strategy: chunkingStrategy.nullish(),
  metadata: metadata.nullish(),
});

export const modifyVectorStoreSchema = z.strictObject({
  name: text(LIMITS.name).nullish(),
  expires_after: expiresAfter.nullish(),
  metadata: metadata.nullish(),
});

export const createVectorStoreFileSchema = z.strictObject({
  file_id: fileId,
  attributes: attributes.nullish(),
  chunking_strategy: chunkingStrategy.nullish(),
});

export const modifyVectorStoreFileSchema = z.strictObject({ attributes: attributes.nullable() });

export const createVectorStoreFileBatchSchema = z
  .strictObject({
    file_ids: list(fileId, 'strings', LIMITS.batchFiles).min(1).nullish(),
    files: list(createVectorStoreFileSchema, 'objects', LIMITS.batchFiles).min(1).nullish(),
    attributes: attributes.nullish(),
    chunking_strategy: chunkingStrategy.nullish(),
  })
  .check((context) => {
    const { file_ids, files } = context.value;
    if (!file_ids && !files) {
      problem(
        context,
        { code: 'missing_required_parameter', text: "Missing required parameter: '{param}'." },
        ['file_ids'],
      );
    } else if (file_ids && files) {
      const found = "Invalid '{param}': only one of 'file_ids' and 'files' can be given.";
      problem(context, { code: 'invalid_value', text: found }, ['files']);
    }
  });

/** In tokens. */
type ChunkSizes = { max_chunk_tokens: number; chunk_overlap_tokens: number };

/** `attributes` undefined: not given, so those of a file that is in the store already stay. */
export type NewVectorStoreFile = ChunkSizes & {
  file_id: FileId;
  attributes: FileAttributes | undefined;
};

export type CreateVectorStoreParams = {
  name: string | null;
  description: string | null;
  metadata: Metadata;
  expires_after_days: number | null;
  files: NewVectorStoreFile[];
};

/** What is absent stays as it is. */
export type ModifyVectorStoreParams = {
  name?: string | null;
  metadata?: Metadata;
  expires_after_days?: number | null;
};

export function parseCreateVectorStore(body: unknown): CreateVectorStoreParams {
  const given = parseBody(createVectorStoreSchema, body);
  return {
    name: given.name ?? null,
    description: given.description ?? null,
    metadata: given.metadata ?? {},
    expires_after_days: given.expires_after?.days ?? null,
    files: newVectorStoreFiles(given.file_ids ?? [], given.chunking_strategy),
  };
}

export function parseModifyVectorStore(body: unknown): ModifyVectorStoreParams {
  const { name, expires_after, metadata: pairs } = parseBody(modifyVectorStoreSchema, body);
  return {
    ...(name === undefined ? {} : { name }),
    ...(pairs === undefined ? {} : { metadata: pairs ?? {} }),
    ...(expires_after === undefined ? {} : { expires_after_days: expires_after?.days ?? null }),
  };
}

export function parseCreateVectorStoreFile(body: unknown): NewVectorStoreFile {
  return newFile(parseBody(createVectorStoreFileSchema, body));
}

/** Null clears. */
export function parseModifyVectorStoreFile(body: unknown): FileAttributes {
  return parseBody(modifyVectorStoreFileSchema, body).attributes ?? {};
}

/** Fields beside `files` are ignored, as published. Of a file named twice the last counts. */
export function parseCreateVectorStoreFileBatch(body: unknown): NewVectorStoreFile[] {
  const given = parseBody(createVectorStoreFileBatchSchema, body);
  const files = given.files?.map(newFile);
  const { attributes: shared } = given;
  return unique(
    files ??
      newVectorStoreFiles(given.file_ids ?? [], given.chunking_strategy, shared ?? undefined),
  );
}

/** Files that share one way of cutting. */
export function newVectorStoreFiles(
  fileIds: readonly string[],
  strategy: ChunkingStrategy | null | undefined,
  shared?: FileAttributes,
): NewVectorStoreFile[] {
  const sizes = chunkSizes(strategy);
  return unique(fileIds.map((id) => ({ file_id: id as FileId, attributes: shared, ...sizes })));
}

function newFile(given: z.infer<typeof createVectorStoreFileSchema>): NewVectorStoreFile {
  const { file_id: id, chunking_strategy } = given;
  const file_id = id as FileId;
  return { file_id, attributes: given.attributes ?? undefined, ...chunkSizes(chunking_strategy) };
}

function unique(files: readonly NewVectorStoreFile[]): NewVectorStoreFile[] {
  return [...new Map(files.map((file) => [file.file_id, file])).values()];
}

/** `auto`, the default, is 800 tokens of which 400 are shared with the next chunk. */
function chunkSizes(strategy: ChunkingStrategy | null | undefined): ChunkSizes {
  if (strategy?.type !== 'static') return { max_chunk_tokens: 800, chunk_overlap_tokens: 400 };
  const { max_chunk_size_tokens, chunk_overlap_tokens } = strategy.static;
  return { max_chunk_tokens: max_chunk_size_tokens, chunk_overlap_tokens };
}
