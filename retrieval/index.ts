/** Documents into chunks, chunks into vectors, and the arithmetic of search. Knows nothing of stores or databases. */
export { PARSE_LIMITS, DocumentError } from './document.ts';
export type { Chunk, DocumentFile, ParseLimits } from './document.ts';
export { extractChunks } from './extract-chunks.ts';
export type { ExtractOptions } from './extract-chunks.ts';
export { createParserPool } from './parser-pool.ts';
export type { ParserPool } from './parser-pool.ts';
export { recognitionData } from './parser/pdf/recognition-data.ts';
export { EmbeddingError, createEmbedder, parseRetryAfter } from './embed.ts';
export type { Embedder } from './embed.ts';
export { toCode } from './codes.ts';
export { bm25, cosine, fuse } from './rank.ts';
export { highlighter, lexemesOf, queryWords, toTsvector, WORD_RULES } from './words/index.ts';
export type { QueryWord } from './words/index.ts';
