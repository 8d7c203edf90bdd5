/** The stored form of each object: the wire's fields plus internal columns. Column names are spelt as on the wire. */
import type {
  BatchId,
  FileId,
  MessageId,
  ProjectId,
  StepId,
  ToolCallId,
  VectorStoreId,
} from './ids.ts';
import type * as wire from './types.ts';

export type AssistantRow = Omit<wire.Assistant, 'object'>;
export type ThreadRow = Omit<wire.Thread, 'object'>;

export type MessageRow = Omit<wire.Message, 'object' | 'incomplete_details'> & {
  seq: number;
  incomplete_reason: wire.IncompleteReason | null;
};

/** The tokens of a model turn, or of a run so far. */
export type TokenCounts = {
  prompt_tokens: number;
  cached_tokens: number;
  completion_tokens: number;
  reasoning_tokens: number;
};

type DerivedOfRun = 'object' | 'expires_at' | 'incomplete_details' | 'usage';

export type RunRow = Omit<wire.Run, DerivedOfRun> &
  TokenCounts & {
    project_id: ProjectId;
    expires_at: number;
    incomplete_reason: 'max_completion_tokens' | 'max_prompt_tokens' | null;
    window_end_seq: number;
    last_event_seq: number;
    /** The files of code_interpreter as of the run's creation: the assistant's and the thread's. */
    code_file_ids: FileId[];
    /** The stores of file_search as of the run's creation: the assistant's and the thread's. */
    vector_store_ids: VectorStoreId[];
    /** Of a run that is a line of a batch. */
    batch_id: BatchId | null;
    /** It is queued behind an earlier run of its thread and has no workflow yet. */
    waiting: boolean;
  };

export type ToolCallRow = {
  step_id: StepId;
  index: number;
  id: ToolCallId;
  type: wire.ToolCall['type'];
  name: string;
  input: string;
  /** Null until the call has ended. */
  result: ToolCallResult | null;
  /** Logs of a cell that readers saw before it ended: what its outputs begin with. */
  streamed?: string;
};

/** The key that is present follows the call's type. */
export type ToolCallResult = {
  output?: string;
  outputs?: CodeOutput[];
  search?: FileSearch;
  /** The call was not run: the model gets this text in place of a result. */
  refused?: string;
};

/** Part of the output of a cell, in order of appearance. */
export type CodeOutput = Extract<
  wire.ToolCall,
  { type: 'code_interpreter' }
>['code_interpreter']['outputs'][number];

type ShownSearch = Extract<wire.ToolCall, { type: 'file_search' }>['file_search'];
export type RankingOptions = ShownSearch['ranking_options'];
/** Shown without `content` to a client that does not ask for it. */
export type FileSearchResult = Required<ShownSearch['results'][number]>;
export type FileSearch = ShownSearch & { results: FileSearchResult[] };

/** The fields that the model server wants back with a turn's calls. `calls` are in the order of the turn's calls. */
export type UpstreamTurn = {
  /** Only this server gets them. */
  server: string;
  /** A `<think>` block that opened the text. */
  thought: string;
  fields: Record<string, unknown>;
  calls: { id: string | null; fields: Record<string, unknown> }[];
};

type UsageDetail = 'prompt_token_details' | 'completion_tokens_details';

/** Rows of version 0.1.0 lack the details. */
export type StepUsage = Omit<wire.Usage, UsageDetail> & Partial<Pick<wire.Usage, UsageDetail>>;

type DerivedOfStep = 'object' | 'expires_at' | 'last_error' | 'metadata' | 'step_details' | 'usage';

export type RunStepRow = Omit<wire.RunStep, DerivedOfStep> & {
  turn: number;
  seq: number;
  message_id: MessageId | null;
  last_error: wire.LastError | null;
  usage: StepUsage | null;
  tool_calls: ToolCallRow[];
};

export type FileRow = Omit<wire.File, 'object' | 'status' | 'status_details'> & { blob_id: number };

export type UploadRow = Omit<wire.Upload, 'object' | 'file' | 'purpose'> & {
  project_id: ProjectId;
  purpose: wire.FilePurpose;
  file_expires_after: number | null;
  file_id: FileId | null;
};

export type UploadPartRow = Omit<wire.UploadPart, 'object'> & { bytes: number; blob_id: number };

type DerivedOfStore = 'object' | 'file_counts' | 'status' | 'expires_after';

export type VectorStoreRow = wire.FileCounts &
  Omit<wire.VectorStore, DerivedOfStore> & {
    expires_after_days: number | null;
    last_active_at: number;
    expired: boolean;
  };

/** `id` is the file's. */
export type VectorStoreFileRow = Omit<wire.VectorStoreFile, 'object' | 'chunking_strategy'> & {
  seq: number;
  max_chunk_tokens: number;
  chunk_overlap_tokens: number;
};

/** Counts are those of its lines. */
export type BatchRow = Omit<
  wire.Batch,
  'object' | 'errors' | 'request_counts' | 'expires_at' | 'usage' | 'x-threadmill'
> &
  wire.Batch['request_counts'] &
  Omit<wire.BatchSettings, 'window' | 'budget' | 'cost_usd'> & {
    budget: Partial<wire.BatchSettings['budget']>;
    /** `cost`: in US dollars. */
    spent: TokenCounts & { cost: number };
    project_id: ProjectId;
    expires_at: number;
    errors: wire.BatchError[];
    input_blob_id: number | null;
    resumed_blob_id: number | null;
    output_expires_after: number | null;
    ending: 'expired' | 'cancelled' | null;
    checked_chunk: number;
    checked_offset: number;
    checked_lines: number;
    running_limit: number;
    /** By the database's clock; negative once the time is over. */
    seconds_left: number;
  };

export type VectorStoreFileBatchRow = wire.FileCounts &
  Omit<wire.VectorStoreFileBatch, 'object' | 'file_counts' | 'status'> & {
    cancelled_at: number | null;
  };
