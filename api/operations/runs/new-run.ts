/** What both ways to create a run share. */
import type { ConfigOf } from '../../../config/config.ts';
import type { AcceptedRun, NewRun } from '../../../db/runs/create-run.ts';
import { invalidRequest } from '../../../wire/errors.ts';
import type { RunParams } from '../../../wire/requests/runs.ts';
import type { AssistantRow } from '../../../wire/rows.ts';
import type { Run, ToolResources } from '../../../wire/types.ts';
import type { Written } from '../../operation.ts';
import type { StreamOptions } from '../../stream-run.ts';

type RunRequest = RunParams & {
  additional_instructions?: string | undefined;
  tool_resources?: ToolResources | undefined;
};

/** The request's values replace the assistant's; additional instructions follow whichever apply. */
export function newRun(
  config: ConfigOf<'api'>,
  assistant: AssistantRow,
  params: RunRequest,
): NewRun {
  const resources = params.tool_resources ?? {};
  const instructions = [
    params.instructions ?? assistant.instructions,
    params.additional_instructions,
  ].filter(Boolean);
  const { code_interpreter = assistant.tool_resources.code_interpreter } = resources;
  const { file_search = assistant.tool_resources.file_search } = resources;
  return {
    model: params.model ?? assistant.model,
    instructions: instructions.length === 0 ? null : instructions.join('\n\n'),
    tools: params.tools ?? assistant.tools,
    tool_resources: resources,
    metadata: params.metadata,
    temperature: params.temperature ?? assistant.temperature,
    top_p: params.top_p ?? assistant.top_p,
    reasoning_effort: params.reasoning_effort ?? assistant.reasoning_effort,
    max_prompt_tokens: params.max_prompt_tokens,
    max_completion_tokens: params.max_completion_tokens,
    truncation_strategy: params.truncation_strategy,
    response_format: params.response_format ?? assistant.response_format,
    tool_choice: params.tool_choice,
    parallel_tool_calls: params.parallel_tool_calls,
    expiresAfterSeconds: expirySeconds(config, params),
    codeFileIds: code_interpreter?.file_ids ?? [],
    vectorStoreIds: file_search?.vector_store_ids ?? [],
  };
}

function expirySeconds(config: ConfigOf<'api'>, { expires_after }: RunParams): number {
  const seconds = expires_after ?? config.runExpirySeconds;
  const longest = config.runExpiryMaxSeconds;
  if (seconds <= longest) return seconds;
  throw invalidRequest(`Invalid 'expires_after': this server allows at most ${longest} seconds.`, {
    param: 'expires_after',
    code: 'integer_above_max_value',
  });
}

/** What Temporal is to be told, in order, and where the stream of the request starts. */
export function acceptedRun({ run, delivery, ingests, beforeSeq }: AcceptedRun): Written<Run> {
  return { object: run, deliveries: [...(ingests ?? []), delivery], beforeSeq };
}

/** The stream of a request ends when the run needs its client. */
export function streamIfAsked(
  { body, query }: { body: { stream: boolean }; query: { include: string[] } },
  beforeSeq: number,
): StreamOptions | undefined {
  if (!body.stream) return undefined;
  return { afterSeq: beforeSeq, stopAtPause: true, withContent: query.include.length > 0 };
}
