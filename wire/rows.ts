/** The stored form of each object: the wire's fields plus internal columns. Column names are spelt as on the wire. */
import type {
  AssistantTool,
  FileAttributes,
  FilePurpose,
  IncompleteReason,
  LastError,
  MessageAttachment,
  MessageContent,
  Metadata,
  RequiredAction,
  ResponseFormat,
  RunStatus,
  RunStepStatus,
  ToolChoice,
  ToolResources,
  TruncationStrategy,
  VectorStoreFileError,
  VectorStoreFileStatus,
} from './types.ts';

export type AssistantRow = {
  id: string;
  created_at: number;
  name: string | null;
  description: string | null;
  model: string;
  instructions: string | null;
  tools: AssistantTool[];
  tool_resources: ToolResources;
  metadata: Metadata;
  temperature: number;
  top_p: number;
  response_format: ResponseFormat;
  reasoning_effort: string | null;
};

export type ThreadRow = {
  id: string;
  created_at: number;
  metadata: Metadata;
  tool_resources: ToolResources;
};

export type MessageRow = {
  id: string;
  thread_id: string;
  seq: number;
  created_at: number;
  role: 'user' | 'assistant';
  status: 'in_progress' | 'incomplete' | 'completed';
  incomplete_reason: IncompleteReason | null;
  completed_at: number | null;
  incomplete_at: number | null;
  content: MessageContent[];
  attachments: MessageAttachment[];
  metadata: Metadata;
  assistant_id: string | null;
  run_id: string | null;
};

export type RunRow = {
  id: string;
  thread_id: string;
  project_id: string;
  assistant_id: string;
  status: RunStatus;
  created_at: number;
  expires_at: number;
  started_at: number | null;
  cancelled_at: number | null;
  failed_at: number | null;
  completed_at: number | null;
  required_action: RequiredAction | null;
  last_error: LastError | null;
  incomplete_reason: 'max_completion_tokens' | 'max_prompt_tokens' | null;
  model: string;
  instructions: string | null;
  tools: AssistantTool[];
  tool_resources: ToolResources;
  metadata: Metadata;
  temperature: number;
  top_p: number;
  reasoning_effort: string | null;
  max_prompt_tokens: number | null;
  max_completion_tokens: number | null;
  truncation_strategy: TruncationStrategy;
  response_format: ResponseFormat;
  tool_choice: ToolChoice;
  parallel_tool_calls: boolean;
  prompt_tokens: number;
  cached_tokens: number;
  completion_tokens: number;
  reasoning_tokens: number;
  window_end_seq: number;
  last_event_seq: number;
  /** What the code_interpreter was given when the run was created: the assistant's files and the thread's. */
  code_file_ids: string[];
  /** What file_search searches, as of the run's creation: the stores of the assistant and of the thread. */
  vector_store_ids: string[];
};

export type ToolCallRow = {
  step_id: string;
  index: number;
  id: string;
  type: 'function' | 'code_interpreter' | 'file_search';
  name: string;
  input: string;
  /** null until the call ended. */
  result: ToolCallResult | null;
};

/** What a tool call ended with; the key present follows the call's type. */
export type ToolCallResult = {
  output?: string;
  outputs?: CodeOutput[];
  search?: FileSearch;
  /** The call was not run: what the model is told in place of a result. */
  refused?: string;
};

/** The search as it was done; without `content`, results are what a client sees that did not ask for it. */
export type FileSearch = { ranking_options: RankingOptions; results: FileSearchResult[] };

export type RankingOptions = { ranker: 'auto' | 'default_2024_08_21'; score_threshold: number };

export type FileSearchResult = {
  file_id: string;
  file_name: string;
  score: number;
  attributes: FileAttributes;
  content: { type: 'text'; text: string }[];
};

/** One thing that code gave, in order of appearance. */
export type CodeOutput =
  { type: 'logs'; logs: string } | { type: 'image'; image: { file_id: string } };

/** Rows of version 0.1.0 lack the details. */
/** What the model server wants back with a turn's calls, in its own words. `calls` are in the order of the turn's calls. */
export type UpstreamTurn = {
  /** Only this server gets it. */
  server: string;
  /** A `<think>` block that opened the text. */
  thought: string;
  fields: Record<string, unknown>;
  calls: { id: string | null; fields: Record<string, unknown> }[];
};

export type StepUsage = {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_token_details?: { cached_tokens: number };
  completion_tokens_details?: { reasoning_tokens: number };
};

/** The tokens of a model turn, or of a run so far. */
export type TokenCounts = Pick<
  RunRow,
  'prompt_tokens' | 'completion_tokens' | 'cached_tokens' | 'reasoning_tokens'
>;

export type RunStepRow = {
  id: string;
  run_id: string;
  thread_id: string;
  assistant_id: string;
  turn: number;
  seq: number;
  type: 'message_creation' | 'tool_calls';
  status: RunStepStatus;
  message_id: string | null;
  created_at: number;
  completed_at: number | null;
  failed_at: number | null;
  cancelled_at: number | null;
  expired_at: number | null;
  last_error: LastError | null;
  usage: StepUsage | null;
  tool_calls: ToolCallRow[];
};

export type FileRow = {
  id: string;
  created_at: number;
  purpose: FilePurpose;
  filename: string;
  bytes: number;
  expires_at: number | null;
  blob_id: number;
};

export type UploadRow = {
  id: string;
  project_id: string;
  created_at: number;
  expires_at: number;
  status: 'pending' | 'completed' | 'cancelled' | 'expired';
  filename: string;
  purpose: FilePurpose;
  bytes: number;
  file_expires_after: number | null;
  file_id: string | null;
};

export type UploadPartRow = {
  id: string;
  upload_id: string;
  created_at: number;
  bytes: number;
  blob_id: number;
};

/** How many files are in each state. */
export type FileCountsRow = {
  in_progress: number;
  completed: number;
  failed: number;
  cancelled: number;
  total: number;
};

export type VectorStoreRow = FileCountsRow & {
  id: string;
  created_at: number;
  name: string | null;
  description: string | null;
  metadata: Metadata;
  expires_after_days: number | null;
  expires_at: number | null;
  last_active_at: number;
  /** Its time is over: it cannot be used again. */
  expired: boolean;
  usage_bytes: number;
};

export type VectorStoreFileRow = {
  /** The file's. */
  id: string;
  seq: number;
  vector_store_id: string;
  created_at: number;
  status: VectorStoreFileStatus;
  last_error: VectorStoreFileError | null;
  attributes: FileAttributes;
  max_chunk_tokens: number;
  chunk_overlap_tokens: number;
  usage_bytes: number;
};

export type VectorStoreFileBatchRow = FileCountsRow & {
  id: string;
  vector_store_id: string;
  created_at: number;
  cancelled_at: number | null;
};
