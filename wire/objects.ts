/** Row in, wire object out. One function per object; every field the clients' strict validation needs is always present. */
import type {
  AssistantRow,
  FileRow,
  MessageRow,
  RankingOptions,
  RunRow,
  RunStepRow,
  StepUsage,
  ThreadRow,
  TokenCounts,
  ToolCallRow,
  UploadPartRow,
  UploadRow,
} from './rows.ts';
import { isActive } from './run-status.ts';
import type {
  Assistant,
  AssistantTool,
  File,
  Message,
  Run,
  RunStep,
  Thread,
  ToolCall,
  Usage,
  Upload,
  UploadPart,
} from './types.ts';

export function toAssistant(row: AssistantRow): Assistant {
  return {
    id: row.id,
    object: 'assistant',
    created_at: row.created_at,
    name: row.name,
    description: row.description,
    model: row.model,
    instructions: row.instructions,
    tools: row.tools,
    top_p: row.top_p,
    temperature: row.temperature,
    reasoning_effort: row.reasoning_effort,
    tool_resources: row.tool_resources,
    metadata: row.metadata,
    response_format: row.response_format,
  };
}

export function toThread(row: ThreadRow): Thread {
  return {
    id: row.id,
    object: 'thread',
    created_at: row.created_at,
    metadata: row.metadata,
    tool_resources: row.tool_resources,
  };
}

export function toMessage(row: MessageRow): Message {
  return {
    id: row.id,
    object: 'thread.message',
    created_at: row.created_at,
    assistant_id: row.assistant_id,
    thread_id: row.thread_id,
    run_id: row.run_id,
    status: row.status,
    incomplete_details: row.incomplete_reason === null ? null : { reason: row.incomplete_reason },
    incomplete_at: row.incomplete_at,
    completed_at: row.completed_at,
    role: row.role,
    content: row.content,
    attachments: row.attachments,
    metadata: row.metadata,
  };
}

/** `usage` and a null `expires_at` appear only once the run has ended (recorded behaviour). */
export function toRun(row: RunRow): Run {
  const active = isActive(row.status);
  return {
    id: row.id,
    object: 'thread.run',
    created_at: row.created_at,
    assistant_id: row.assistant_id,
    thread_id: row.thread_id,
    status: row.status,
    started_at: row.started_at,
    expires_at: active ? row.expires_at : null,
    cancelled_at: row.cancelled_at,
    failed_at: row.failed_at,
    completed_at: row.completed_at,
    required_action: row.status === 'requires_action' ? row.required_action : null,
    last_error: row.last_error,
    model: row.model,
    instructions: row.instructions,
    tools: row.tools,
    tool_resources: row.tool_resources,
    metadata: row.metadata,
    temperature: row.temperature,
    top_p: row.top_p,
    reasoning_effort: row.reasoning_effort,
    max_completion_tokens: row.max_completion_tokens,
    max_prompt_tokens: row.max_prompt_tokens,
    truncation_strategy: row.truncation_strategy,
    incomplete_details: row.incomplete_reason === null ? null : { reason: row.incomplete_reason },
    usage: active ? null : toUsage(row),
    response_format: row.response_format,
    tool_choice: row.tool_choice,
    parallel_tool_calls: row.parallel_tool_calls,
  };
}

/** The singular `prompt_token_details` is the wire's spelling. */
export function toUsage(counts: TokenCounts): Usage & Required<StepUsage> {
  return {
    prompt_tokens: counts.prompt_tokens,
    completion_tokens: counts.completion_tokens,
    total_tokens: counts.prompt_tokens + counts.completion_tokens,
    prompt_token_details: { cached_tokens: counts.cached_tokens },
    completion_tokens_details: { reasoning_tokens: counts.reasoning_tokens },
  };
}

function toStepUsage(usage: StepUsage): Required<StepUsage> {
  return {
    ...usage,
    prompt_token_details: usage.prompt_token_details ?? { cached_tokens: 0 },
    completion_tokens_details: usage.completion_tokens_details ?? { reasoning_tokens: 0 },
  };
}

/** Sends both the recorded keys (`expires_at`) and the described ones (`expired_at`, `metadata`). */
export function toRunStep(row: RunStepRow, run: Pick<RunRow, 'expires_at' | 'tools'>): RunStep {
  return {
    id: row.id,
    object: 'thread.run.step',
    created_at: row.created_at,
    run_id: row.run_id,
    assistant_id: row.assistant_id,
    thread_id: row.thread_id,
    type: row.type,
    status: row.status,
    cancelled_at: row.cancelled_at,
    completed_at: row.completed_at,
    expired_at: row.expired_at,
    expires_at: row.status === 'in_progress' ? run.expires_at : null,
    failed_at: row.failed_at,
    last_error: row.last_error as RunStep['last_error'],
    step_details:
      row.type === 'message_creation'
        ? { type: 'message_creation', message_creation: { message_id: row.message_id ?? '' } }
        : {
            type: 'tool_calls',
            tool_calls: row.tool_calls.map((call) => toToolCall(call, run.tools)),
          },
    usage: row.status === 'in_progress' || row.usage === null ? null : toStepUsage(row.usage),
    metadata: {},
  };
}

function toToolCall(row: ToolCallRow, tools: readonly AssistantTool[]): ToolCall {
  switch (row.type) {
    case 'function':
      return {
        id: row.id,
        type: 'function',
        function: { name: row.name, arguments: row.input, output: row.result?.output ?? null },
      };
    case 'code_interpreter':
      return {
        id: row.id,
        type: 'code_interpreter',
        code_interpreter: { input: row.input, outputs: row.result?.outputs ?? [] },
      };
    case 'file_search':
      return {
        id: row.id,
        type: 'file_search',
        file_search: row.result?.search ?? {
          ranking_options: rankingOptionsOf(tools),
          results: [],
        },
      };
  }
}

/** What the file_search tool of a run asks for, in the form that steps show. */
export function rankingOptionsOf(tools: readonly AssistantTool[]): RankingOptions {
  const given = tools.find(({ type }) => type === 'file_search') as
    { file_search?: { ranking_options?: Partial<RankingOptions> } } | undefined;
  const { ranker = 'default_2024_08_21', score_threshold = 0 } =
    given?.file_search?.ranking_options ?? {};
  return { ranker, score_threshold };
}

/** The two last fields are always the same: a file is stored whole or not at all. */
export function toFile(row: FileRow): File {
  return {
    object: 'file',
    id: row.id,
    purpose: row.purpose,
    filename: row.filename,
    bytes: row.bytes,
    created_at: row.created_at,
    expires_at: row.expires_at,
    status: 'processed',
    status_details: null,
  };
}

/** `file` is null until the upload is completed, and again after the file was deleted. */
export function toUpload(row: UploadRow, file: FileRow | null): Upload {
  return {
    id: row.id,
    object: 'upload',
    created_at: row.created_at,
    filename: row.filename,
    bytes: row.bytes,
    purpose: row.purpose,
    status: row.status,
    expires_at: row.expires_at,
    file: file === null ? null : toFile(file),
  };
}

export function toUploadPart(row: UploadPartRow): UploadPart {
  return {
    id: row.id,
    object: 'upload.part',
    created_at: row.created_at,
    upload_id: row.upload_id,
  };
}
