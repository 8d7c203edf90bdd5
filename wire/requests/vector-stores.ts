/** Vector stores, their files and file batches. A chunking strategy is stored as its two numbers. */
import { z } from 'zod';
import {
  attributes,
  changed,
  defined,
  fileId,
  integer,
  list,
  metadata,
  or,
  problem,
  text,
} from './fields.ts';
import { LIMITS } from './limits.ts';
import type { FileId } from '../ids.ts';
import type { FileAttributes } from './fields.ts';
import type { ChunkingStrategy } from './tools.ts';
import { chunkingStrategy } from './tools.ts';

const expiresAfter = z.strictObject({
  anchor: z.literal('last_active_at'),
  days: integer(1, LIMITS.storeDays),
});

export const expiryDays = expiresAfter.transform((policy) => policy.days);
const chunking = or(chunkingStrategy, undefined);

export const createVectorStoreSchema = z
  .strictObject({
    file_ids: or(list(fileId, 'strings', LIMITS.newStoreFiles), []),
    name: or(text(LIMITS.name), null),
    description: or(text(LIMITS.description), null),
    expires_after: or(expiryDays, null),
    chunking_strategy: chunking,
    metadata: or(metadata, {}),
  })
  .transform(({ file_ids, expires_after: expires_after_days, chunking_strategy, ...store }) => ({
    ...store,
    expires_after_days,
    files: newVectorStoreFiles(file_ids, chunking_strategy),
  }));

export const modifyVectorStoreSchema = z
  .strictObject(
    changed({
      name: [text(LIMITS.name), null],
      expires_after: [expiryDays, null],
      metadata: [metadata, {}],
    }),
  )
  .transform(({ expires_after: expires_after_days, ...change }) =>
    defined({ ...change, expires_after_days }),
  );

export const createVectorStoreFileSchema = z
  .strictObject({
    file_id: fileId,
    attributes: or(attributes, undefined),
    chunking_strategy: chunking,
  })
  .transform(({ chunking_strategy, file_id, ...file }): NewVectorStoreFile => ({
    ...file,
    file_id: file_id as FileId,
    ...chunkSizes(chunking_strategy),
  }));

export const modifyVectorStoreFileSchema = z
  .strictObject({ attributes: attributes.nullable() })
  .transform((change) => change.attributes ?? {});

/** Fields beside `files` are ignored, as published. Of a file named twice the last counts. */
export const createVectorStoreFileBatchSchema = z
  .strictObject({
    file_ids: list(fileId, 'strings', LIMITS.batchFiles).min(1).nullish(),
    files: list(createVectorStoreFileSchema, 'objects', LIMITS.batchFiles).min(1).nullish(),
    attributes: or(attributes, undefined),
    chunking_strategy: chunking,
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
  })
  .transform(({ file_ids, files, attributes: shared, chunking_strategy }) =>
    files ? unique(files) : newVectorStoreFiles(file_ids ?? [], chunking_strategy, shared),
  );

/** In tokens. */
type ChunkSizes = { max_chunk_tokens: number; chunk_overlap_tokens: number };

/** `attributes` undefined: a file that is in the store already keeps its own. */
export type NewVectorStoreFile = ChunkSizes & {
  file_id: FileId;
  attributes: FileAttributes | undefined;
};

export type CreateVectorStoreParams = z.infer<typeof createVectorStoreSchema>;
export type ModifyVectorStoreParams = z.infer<typeof modifyVectorStoreSchema>;

/** Files that share one way of cutting. */
export function newVectorStoreFiles(
  fileIds: readonly string[],
  strategy: ChunkingStrategy | undefined,
  shared?: FileAttributes,
): NewVectorStoreFile[] {
  const sizes = chunkSizes(strategy);
  return unique(fileIds.map((id) => ({ file_id: id as FileId, attributes: shared, ...sizes })));
}

function unique(files: readonly NewVectorStoreFile[]): NewVectorStoreFile[] {
  return [...new Map(files.map((file) => [file.file_id, file])).values()];
}

/** `auto`, the default, is 800 tokens of which 400 are shared with the next chunk. */
function chunkSizes(strategy: ChunkingStrategy | undefined): ChunkSizes {
  if (strategy?.type !== 'static') return { max_chunk_tokens: 800, chunk_overlap_tokens: 400 };
  const { max_chunk_size_tokens, chunk_overlap_tokens } = strategy.static;
  return { max_chunk_tokens: max_chunk_size_tokens, chunk_overlap_tokens };
}
