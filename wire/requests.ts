/**
 * One parser per request body and query: unknown in, typed params out, or an ApiError with the hosted service's words.
 * Params come in the form that is stored and echoed: message content as parts, tools normalised, defaults filled in.
 */
export {
  type CreateAssistantParams,
  type ModifyAssistantParams,
  parseCreateAssistant,
  parseModifyAssistant,
} from './request-assistants.ts';
export { MAX_BODY_DEPTH } from './request-body.ts';
export {
  type CompleteUploadParams,
  type CreateFileParams,
  type CreateUploadParams,
  type Form,
  parseAddPart,
  parseCompleteUpload,
  parseCreateFile,
  parseCreateUpload,
} from './request-files.ts';
export { LIMITS, type ReasoningEffort } from './request-fields.ts';
export {
  type EventsParams,
  type IncludeParams,
  type ListFilesParams,
  type ListMessagesParams,
  type ListParams,
  type ListQueryOptions,
  type ListVectorStoreFilesParams,
  parseEventsQuery,
  parseIncludeQuery,
  parseListFilesQuery,
  parseListMessagesQuery,
  parseListQuery,
  parseListVectorStoreFilesQuery,
  type StepInclude,
} from './request-queries.ts';
export {
  type CreateRunParams,
  type CreateThreadAndRunParams,
  parseCreateRun,
  parseCreateThreadAndRun,
  parseModifyRun,
  parseSubmitToolOutputs,
  type RunParams,
  type SubmitToolOutputsParams,
  type ToolOutput,
} from './request-runs.ts';
export {
  type AttributeValue,
  type ComparisonFilter,
  type Filter,
  parseSearchVectorStore,
  type Ranker,
  type SearchParams,
} from './request-search.ts';
export {
  type CreateMessageParams,
  type CreateThreadParams,
  type ModifyMetadataParams,
  type ModifyThreadParams,
  parseCreateMessage,
  parseCreateThread,
  parseModifyMessage,
  parseModifyThread,
} from './request-threads.ts';
export {
  type ChunkingStrategy,
  defaultToolResources,
  type NewToolResources,
  type NewVectorStore,
  normalizeTools,
} from './request-tools.ts';
export {
  type ChunkSizes,
  type CreateVectorStoreParams,
  type ModifyVectorStoreParams,
  type NewVectorStoreFile,
  newVectorStoreFiles,
  parseCreateVectorStore,
  parseCreateVectorStoreFile,
  parseCreateVectorStoreFileBatch,
  parseModifyVectorStore,
  parseModifyVectorStoreFile,
} from './request-vector-stores.ts';

import { createAssistantSchema, modifyAssistantSchema } from './request-assistants.ts';
import {
  addPartSchema,
  completeUploadSchema,
  createFileSchema,
  createUploadSchema,
} from './request-files.ts';
import {
  createRunSchema,
  createThreadAndRunSchema,
  modifyRunSchema,
  submitToolOutputsSchema,
} from './request-runs.ts';
import { searchVectorStoreSchema } from './request-search.ts';
import {
  createMessageSchema,
  createThreadSchema,
  modifyMessageSchema,
  modifyThreadSchema,
} from './request-threads.ts';
import {
  createVectorStoreFileBatchSchema,
  createVectorStoreFileSchema,
  createVectorStoreSchema,
  modifyVectorStoreFileSchema,
  modifyVectorStoreSchema,
} from './request-vector-stores.ts';

/** The zod schema of every request body, for the served OpenAPI description. Parse with the functions above. */
export const requestSchemas = {
  createAssistant: createAssistantSchema,
  modifyAssistant: modifyAssistantSchema,
  createThread: createThreadSchema,
  modifyThread: modifyThreadSchema,
  createMessage: createMessageSchema,
  modifyMessage: modifyMessageSchema,
  createRun: createRunSchema,
  createThreadAndRun: createThreadAndRunSchema,
  modifyRun: modifyRunSchema,
  submitToolOutputs: submitToolOutputsSchema,
  createFile: createFileSchema,
  createUpload: createUploadSchema,
  addPart: addPartSchema,
  completeUpload: completeUploadSchema,
  createVectorStore: createVectorStoreSchema,
  modifyVectorStore: modifyVectorStoreSchema,
  createVectorStoreFile: createVectorStoreFileSchema,
  modifyVectorStoreFile: modifyVectorStoreFileSchema,
  createVectorStoreFileBatch: createVectorStoreFileBatchSchema,
  searchVectorStore: searchVectorStoreSchema,
};
