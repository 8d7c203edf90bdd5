/**
 * Everything the oracle judges by. Plain data: it can be recorded, read again, and spoilt on purpose to see that the
 * oracle notices. Times are ms since 1970.
 */
import type { Message, Run, RunStep } from '../../wire/types.ts';
import type { Plan } from './model/plan.ts';
import type { Life } from './system/part.ts';

export type Usage = { prompt_tokens: number; completion_tokens: number; total_tokens: number };

/** One request that reached the model server. */
export type ModelCall = {
  run: string;
  turn: number;
  /** From 0, over all tries at this turn. */
  attempt: number;
  /** The worker, or the address by which it reached the server. */
  by: string;
  at: number;
  endedAt: number | null;
  /** `answered`: all of it was written. `refused`, `cut`: as planned. `left`: the worker went away first. */
  outcome: 'answered' | 'refused' | 'cut' | 'left' | null;
  /** The whole answer, and how much of it was written. */
  text: string;
  sent: number;
  /** What the calls of earlier turns gave, as the model was shown it. */
  results: string[];
  usage: Usage;
};

export type RequestKind =
  | 'thread'
  | 'message'
  | 'run'
  | 'submit'
  | 'cancel'
  | 'file'
  | 'upload'
  | 'part'
  | 'complete'
  | 'store'
  | 'store-file'
  | 'read';

/** What a request brings that must be found later. */
export type Sent = {
  marker?: string;
  /** Of the message that it adds to its thread. */
  text?: string;
  thread?: string;
  run?: string | undefined;
  outputs?: { tool_call_id: string; output: string }[];
  filename?: string;
  bytes?: number;
  sha256?: string;
  name?: string;
  store?: string;
  file?: string;
};

/** One request of a client. All tries at one operation share `op`, and `key` if it has one. */
export type SentRequest = {
  op: string;
  kind: RequestKind;
  api: number;
  method: string;
  path: string;
  key: string | null;
  sent: Sent;
  sentAt: number;
  answeredAt: number | null;
  /** Null: no answer, so that nobody knows. */
  status: number | null;
  retryAfter: string | null;
  /** Of a stream: its run, as the first event showed it. Null for reads. */
  answer: Record<string, unknown> | null;
};

export type SeenEvent = { id: number; event: string; data: string; at: number };

/** One connection that carried events of a run. */
export type ReadStream = {
  run: string;
  runId: string;
  api: number;
  /** The last event that its reader had seen before. */
  after: number;
  startedAt: number;
  events: SeenEvent[];
  /** `done` as documented, `left` by its reader, or `broken`. */
  end: 'done' | 'left' | 'broken';
};

/** A run that a client wanted. Its `marker` is in the run's metadata. */
export type WantedRun = {
  marker: string;
  kind: string;
  plan: Plan;
  expiresAfter: number | null;
};

export type FaultRecord = {
  n: number;
  kind: string;
  target: string;
  startedAt: number;
  endedAt: number;
  note?: string;
};

export type Tables = {
  threads: { id: string; marker: string | null; last_message_seq: number }[];
  messages: {
    id: string;
    thread_id: string;
    seq: number;
    role: string;
    status: string;
    run_id: string | null;
    text: string;
  }[];
  runs: {
    id: string;
    thread_id: string;
    marker: string | null;
    status: string;
    created_ms: number;
    expires_ms: number;
    updated_ms: number;
    last_error: { code: string; message: string } | null;
    prompt_tokens: number;
    completion_tokens: number;
    last_event_seq: number;
    window_end_seq: number;
  }[];
  steps: {
    id: string;
    run_id: string;
    turn: number;
    seq: number;
    type: string;
    status: string;
    message_id: string | null;
    usage: Usage | null;
  }[];
  tool_calls: {
    id: string;
    run_id: string;
    step_id: string;
    index: number;
    type: string;
    name: string;
    result: { output?: string; outputs?: { type: string; logs?: string }[] } | null;
  }[];
  events: { run_id: string; seq: number; event: string; data: string }[];
  turns: { run_id: string; turn: number; result: { kind: string; status?: string } }[];
  deliveries: { id: number; run_id: string; kind: string; attempts: number }[];
  idempotency_keys: { key: string; answered: boolean }[];
  files: {
    id: string;
    filename: string;
    purpose: string;
    bytes: number;
    /** Of the stored content. */
    stored_bytes: number;
    sha256: string;
  }[];
  uploads: { id: string; filename: string; status: string; file_id: string | null }[];
  stores: { id: string; name: string | null }[];
  store_files: {
    seq: number;
    vector_store_id: string;
    file_id: string;
    status: string;
    last_error: unknown;
    document_id: number | null;
  }[];
  documents: {
    id: number;
    chunk_count: number | null;
    chunks: number;
    used: boolean;
  }[];
  /** After a collection that took every blob for an hour old. */
  orphan_blobs: { id: number }[];
  projects: { id: string; file_bytes: number; counted: number }[];
};

export type WorkflowRecord = {
  id: string;
  type: string;
  /** As Temporal names it; null: it does not know the workflow. */
  status: string | null;
  /** Of a completed run. */
  result: { status?: string } | null;
  /** Whether its history holds words of the conversation. */
  tellsText: boolean;
};

export type Evidence = {
  seed: number;
  startedAt: number;
  /** When the last fault was over. */
  calmAt: number;
  settledAt: number;
  wanted: WantedRun[];
  requests: SentRequest[];
  streams: ReadStream[];
  modelCalls: ModelCall[];
  strays: string[];
  faults: FaultRecord[];
  lives: Life[];
  tables: Tables;
  /** As the API shows them afterwards. */
  objects: { runs: Run[]; steps: RunStep[]; messages: Message[] };
  workflows: WorkflowRecord[];
};
