/** Runs files through the parsing process. */
import { extractChunks } from '../../../retrieval/index.ts';
import type { Chunk, DocumentFile, ExtractOptions } from '../../../retrieval/index.ts';

const PART_BYTES = 64 * 1024;

export const CHUNKING = { maxTokens: 800, overlapTokens: 400 };

export function fileOf(filename: string, content: string | Uint8Array): DocumentFile {
  const bytes = Buffer.from(content);
  return {
    filename,
    bytes: bytes.length,
    async *read() {
      for (let at = 0; at < bytes.length; at += PART_BYTES) {
        yield bytes.subarray(at, at + PART_BYTES);
      }
    },
  };
}

export async function chunksOf(
  filename: string,
  content: string | Uint8Array,
  options: Partial<ExtractOptions> = {},
): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  const file = fileOf(filename, content);
  for await (const chunk of extractChunks(file, { ...CHUNKING, ...options })) chunks.push(chunk);
  return chunks;
}

/** The whole text: chunks of a document that fits into one. */
export async function textOf(
  filename: string,
  content: string | Uint8Array,
  options: Partial<ExtractOptions> = {},
): Promise<string> {
  const whole = { maxTokens: 4096, overlapTokens: 0 };
  const chunks = await chunksOf(filename, content, { ...whole, ...options });
  return chunks.map(({ text }) => text).join('');
}
