import type { ProjectId, VectorStoreId } from '../../wire/ids.ts';

/** What is searched: the completed files of these stores. */
export type SearchScope = {
  projectId: ProjectId;
  vectorStoreIds: readonly VectorStoreId[];
  /** The files that pass the filter, by seq. Null: there is no filter. */
  files: readonly number[] | null;
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
