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
  type ListVectorStoreFilesParams,
  parseEventsQuery,
  parseIncludeQuery,
  parseListFilesQuery,
  parseListMessagesQuery,
  parseListQuery,
  parseListVectorStoreFilesQuery,
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
