import type { ProjectId, VectorStoreId } from '../../wire/ids.ts';
import type { CompiledFilter } from './search-filter.ts';

/** What is searched: the completed files of these stores. */
export type SearchScope = {
  projectId: ProjectId;
  vectorStoreIds: readonly VectorStoreId[];
  filter: CompiledFilter;
  /** Chunks and tokens of all of them. */
  chunks: number;
  tokens: number;
  /** Whether words of earlier rules are among them. */
  hasFormerWords: boolean;
};

export type Candidate = {
  chunkId: number;
  /** The vector store file's seq. */
  storeFile: number;
  /** Higher is better. */
  score: number;
};
