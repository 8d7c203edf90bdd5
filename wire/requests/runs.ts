/** Bodies of the run endpoints. A field that a run does not override is undefined: the assistant's value applies. */
import { z } from 'zod';
import type { AssistantId } from '../ids.ts';
import { checkId } from '../ids.ts';
import {
  EXTENSION,
  instructions,
  integer,
  list,
  metadata,
  metadataChange,
  model,
  or,
  reasoningEffort,
  responseFormat,
  temperature,
  text,
  toolChoice,
  topP,
  truncationStrategy,
} from './fields.ts';
import { LIMITS } from './limits.ts';
import { createThreadSchema, newMessages } from './threads.ts';
import { newTools, toolResources } from './tools.ts';

/** What becomes of a run whose thread has an active one. */
const ON_ACTIVE_RUN = ['reject', 'queue', 'cancel'] as const;
export type OnActiveRun = (typeof ON_ACTIVE_RUN)[number];

const tokenBudget = or(integer(LIMITS.minTokenBudget, LIMITS.maxInteger), null);

const fields = {
  assistant_id: z.string(),
  model: or(model, undefined),
  reasoning_effort: or(reasoningEffort, undefined),
  instructions: or(instructions, undefined),
  /** They replace the assistant's list. */
  tools: or(newTools, undefined),
  metadata: or(metadata, {}),
  temperature: or(temperature, undefined),
  top_p: or(topP, undefined),
  stream: or(z.boolean(), false),
  max_prompt_tokens: tokenBudget,
  max_completion_tokens: tokenBudget,
  truncation_strategy: truncationStrategy.nullish().transform(toTruncationStrategy),
  tool_choice: or(toolChoice, 'auto'),
  parallel_tool_calls: or(z.boolean(), true),
  response_format: or(responseFormat, undefined),
  /** Seconds until the run expires. Undefined: the server's default. */
  expires_after: or(integer(1, LIMITS.expiresAfter), undefined).meta(EXTENSION),
};

type WithAssistant<Params> = Omit<Params, 'assistant_id'> & { assistant_id: AssistantId };
export type RunParams = WithAssistant<z.infer<z.ZodObject<typeof fields>>>;

export const createRunSchema = z
  .strictObject({
    ...fields,
    additional_instructions: or(instructions, undefined),
    /** Added to the thread ahead of the run, in this order. */
    additional_messages: newMessages,
    'x-threadmill': z
      .strictObject({ on_active_run: or(z.enum(ON_ACTIVE_RUN), 'reject') })
      .nullish()
      .transform((given) => given ?? { on_active_run: 'reject' as const })
      .meta(EXTENSION),
  })
  .transform(withAssistant);

export const createThreadAndRunSchema = z
  .strictObject({
    ...fields,
    thread: createThreadSchema
      .nullish()
      .transform((thread) => thread ?? createThreadSchema.parse({})),
    /** Overrides the assistant's for this run. */
    tool_resources: or(toolResources, undefined),
  })
  .transform(withAssistant);

export const modifyRunSchema = z.strictObject(metadataChange);

/** An output that is absent or null is the empty string: the published description requires none. */
export const submitToolOutputsSchema = z.strictObject({
  tool_outputs: list(
    z.strictObject({
      tool_call_id: text(LIMITS.fileId, 1),
      output: or(text(LIMITS.toolOutputText), ''),
    }),
    'objects',
    LIMITS.toolOutputs,
  ),
  stream: or(z.boolean(), false),
});

/** @throws ApiError 400 for an assistant_id that cannot be one. Whether the assistant exists is the caller's question. */
function withAssistant<Params extends { assistant_id: string }>(
  params: Params,
): WithAssistant<Params> {
  return { ...params, assistant_id: checkId('assistant_id', params.assistant_id) };
}

/** `last_messages` means nothing to `auto` and is echoed as null there. */
function toTruncationStrategy(
  given: z.infer<typeof truncationStrategy> | null | undefined,
): z.infer<typeof truncationStrategy> {
  return given?.type === 'last_messages' ? given : { type: 'auto', last_messages: null };
}
