/** Bodies of the run endpoints. What a run does not override stays undefined, so that the assistant's value applies. */
import { z } from 'zod';
import type { AssistantId } from '../ids.ts';
import { checkId } from '../ids.ts';
import { parseBody } from './body.ts';
import {
  EXTENSION,
  instructions,
  integer,
  LIMITS,
  list,
  metadata,
  model,
  reasoningEffort,
  responseFormat,
  temperature,
  text,
  toolChoice,
  topP,
  truncationStrategy,
} from './fields.ts';
import type { ReasoningEffort } from './fields.ts';
import {
  changedMetadata,
  createMessageSchema,
  createThreadSchema,
  toMessageParams,
  toThreadParams,
} from './threads.ts';
import type { CreateMessageParams, CreateThreadParams, ModifyMetadataParams } from './threads.ts';
import { existingToolResources, normalizeTools, toolResources, tools } from './tools.ts';
import type {
  AssistantTool,
  Metadata,
  ResponseFormat,
  ToolChoice,
  ToolResources,
  TruncationStrategy,
} from '../types.ts';

const tokenBudget = integer(LIMITS.minTokenBudget, LIMITS.maxInteger);

const fields = {
  assistant_id: z.string(),
  model: model.nullish(),
  reasoning_effort: reasoningEffort.nullish(),
  instructions: instructions.nullish(),
  tools: tools.nullish(),
  metadata: metadata.nullish(),
  temperature: temperature.nullish(),
  top_p: topP.nullish(),
  stream: z.boolean().nullish(),
  max_prompt_tokens: tokenBudget.nullish(),
  max_completion_tokens: tokenBudget.nullish(),
  truncation_strategy: truncationStrategy.nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: responseFormat.nullish(),
  expires_after: integer(1, LIMITS.expiresAfter).nullish().meta(EXTENSION),
};

export const createRunSchema = z.strictObject({
  ...fields,
  additional_instructions: instructions.nullish(),
  additional_messages: list(createMessageSchema, 'objects', LIMITS.messages).nullish(),
});

export const createThreadAndRunSchema = z.strictObject({
  ...fields,
  thread: createThreadSchema.nullish(),
  tool_resources: toolResources.nullish(),
});

export const modifyRunSchema = z.strictObject({ metadata: metadata.nullish() });

export const submitToolOutputsSchema = z.strictObject({
  tool_outputs: list(
    z.strictObject({
      tool_call_id: text(LIMITS.fileId, 1),
      output: text(LIMITS.toolOutputText).nullish(),
    }),
    'objects',
    LIMITS.toolOutputs,
  ),
  stream: z.boolean().nullish(),
});

/** What both ways to create a run say about it. Undefined: the assistant's value applies. */
export type RunParams = {
  assistant_id: AssistantId;
  model: string | undefined;
  reasoning_effort: ReasoningEffort | undefined;
  instructions: string | undefined;
  /** Normalised. They replace the assistant's list. */
  tools: AssistantTool[] | undefined;
  metadata: Metadata;
  temperature: number | undefined;
  top_p: number | undefined;
  stream: boolean;
  max_prompt_tokens: number | null;
  max_completion_tokens: number | null;
  truncation_strategy: TruncationStrategy;
  tool_choice: ToolChoice;
  parallel_tool_calls: boolean;
  response_format: ResponseFormat | undefined;
  /** Our extension: seconds until the run expires; undefined for the server's default of 600. */
  expires_after: number | undefined;
};

export type CreateRunParams = RunParams & {
  additional_instructions: string | undefined;
  /** To be added to the thread before the run, in this order. */
  additional_messages: CreateMessageParams[];
};

export type CreateThreadAndRunParams = RunParams & {
  thread: CreateThreadParams;
  /** Overrides the assistant's for this run; undefined when not given. */
  tool_resources: ToolResources | undefined;
};

type ToolOutput = { tool_call_id: string; output: string };
export type SubmitToolOutputsParams = { tool_outputs: ToolOutput[]; stream: boolean };

/** Throws `illFormedId` for an assistant_id that cannot be one; whether it exists is the caller's question. */
export function parseCreateRun(body: unknown): CreateRunParams {
  const given = parseBody(createRunSchema, body);
  return {
    ...toRunParams(given),
    additional_instructions: given.additional_instructions ?? undefined,
    additional_messages: (given.additional_messages ?? []).map(toMessageParams),
  };
}

/** No additional_* here: the thread's messages are in the same body. */
export function parseCreateThreadAndRun(body: unknown): CreateThreadAndRunParams {
  const given = parseBody(createThreadAndRunSchema, body);
  return {
    ...toRunParams(given),
    thread: toThreadParams(given.thread),
    tool_resources: given.tool_resources ? existingToolResources(given.tool_resources) : undefined,
  };
}

export function parseModifyRun(body: unknown): ModifyMetadataParams {
  return changedMetadata(parseBody(modifyRunSchema, body));
}

/**
 * An output that is absent or null is the empty string: the published description requires none. Whether the ids are those
 * the run waits for is decided in the database.
 */
export function parseSubmitToolOutputs(body: unknown): SubmitToolOutputsParams {
  const { tool_outputs, stream } = parseBody(submitToolOutputsSchema, body);
  return {
    tool_outputs: tool_outputs.map(({ tool_call_id, output }) => ({
      tool_call_id,
      output: output ?? '',
    })),
    stream: stream ?? false,
  };
}

function toRunParams(given: z.infer<z.ZodObject<typeof fields>>): RunParams {
  return {
    assistant_id: checkId('assistant_id', given.assistant_id),
    model: given.model ?? undefined,
    reasoning_effort: given.reasoning_effort ?? undefined,
    instructions: given.instructions ?? undefined,
    tools: given.tools ? normalizeTools(given.tools) : undefined,
    metadata: given.metadata ?? {},
    temperature: given.temperature ?? undefined,
    top_p: given.top_p ?? undefined,
    stream: given.stream ?? false,
    max_prompt_tokens: given.max_prompt_tokens ?? null,
    max_completion_tokens: given.max_completion_tokens ?? null,
    truncation_strategy: toTruncationStrategy(given.truncation_strategy),
    tool_choice: given.tool_choice ?? 'auto',
    parallel_tool_calls: given.parallel_tool_calls ?? true,
    response_format: given.response_format ?? undefined,
    expires_after: given.expires_after ?? undefined,
  };
}

/** `last_messages` means nothing to `auto` and is echoed as null there. */
function toTruncationStrategy(
  given: z.infer<typeof truncationStrategy> | null | undefined,
): TruncationStrategy {
  return given?.type === 'last_messages'
    ? { type: 'last_messages', last_messages: given.last_messages }
    : { type: 'auto', last_messages: null };
}
