/** Small texts in vector stores, with vectors of their words. */
import type { WordConfiguration } from '../../db/vector-stores/documents.ts';
import type { Pool } from '../../db/core/pool.ts';
import type { ProjectId, VectorStoreId } from '../../wire/ids.ts';
import type { FileAttributes } from '../../wire/types.ts';
import { embed } from '../support/fake-embeddings.ts';
import { indexFile } from '../support/indexed-file.ts';

export const MODEL = 'words/64';

export type Texts = {
  chunks: string[];
  filename?: string;
  attributes?: FileAttributes;
  words?: WordConfiguration;
  embedded?: boolean;
  /** Code points that a chunk shares with the one before. */
  overlap?: number;
};

/** A vector of length 1 of the text's words. */
export function vectorOf(text: string): Float32Array {
  const numbers = embed(text, 64);
  const length = Math.hypot(...numbers) || 1;
  return Float32Array.from(numbers, (number) => number / length);
}

/** Returns the file's id. */
export function indexTexts(
  pool: Pool,
  projectId: ProjectId,
  storeId: VectorStoreId,
  texts: Texts,
): Promise<string> {
  return indexFile(pool, projectId, storeId, {
    filename: texts.filename ?? 'a.txt',
    attributes: texts.attributes ?? {},
    words: texts.words ?? 'english',
    chunks: cut(texts),
    vectors: texts.embedded === false ? null : texts.chunks.map(vectorOf),
    model: MODEL,
  });
}

function cut({ chunks, overlap = 0 }: Texts) {
  let end = 0;
  return chunks.map((text, ordinal) => {
    const start = ordinal === 0 ? 0 : end - overlap;
    end = start + Array.from(text).length;
    return {
      ordinal,
      text,
      headings: [],
      tableHeader: null,
      page: null,
      start,
      end,
      tokens: text.split(' ').length,
    };
  });
}
