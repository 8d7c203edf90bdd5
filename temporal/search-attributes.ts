/** Operators find runs and ingests by these attributes. The server must know them before a workflow that has them can start. */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);

export const SEARCH_ATTRIBUTES = {
  assistantId: keyword('AssistantId'),
  threadId: keyword('ThreadId'),
  runStatus: keyword('RunStatus'),
  model: keyword('Model'),
  projectId: keyword('ProjectId'),
  vectorStoreId: keyword('VectorStoreId'),
  batchId: keyword('BatchId'),
} as const;

/** For a development server's flags: name → type. */
export const SEARCH_ATTRIBUTE_TYPES: Record<string, 'Keyword'> = Object.fromEntries(
  Object.values(SEARCH_ATTRIBUTES).map((key) => [key.name, 'Keyword']),
);
