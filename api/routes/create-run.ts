/** POST /threads/{thread_id}/runs and /threads/runs: snapshot the assistant, commit, start, answer or stream. */
import type { Request, RequestHandler, Response } from 'express';

import { getAssistantRow } from '../../db/assistants.ts';
import { checkFiles } from '../../db/files.ts';
import { once } from '../../db/idempotency.ts';
import type { AcceptedRun, NewRun } from '../../db/runs.ts';
import { createFirstRun, createRun, runExists } from '../../db/runs.ts';
import { createThread } from '../../db/threads.ts';
import { invalidRequest, notFound } from '../../wire/errors.ts';
import { filesOfMessages, filesOfResources } from '../../wire/file-ids.ts';
import { checkId } from '../../wire/ids.ts';
import type { RunParams } from '../../wire/requests.ts';
import { parseCreateRun, parseCreateThreadAndRun, parseIncludeQuery } from '../../wire/requests.ts';
import type { AssistantRow } from '../../wire/rows.ts';
import type { ToolResources } from '../../wire/types.ts';
import type { Config } from '../../config.ts';
import type { ApiContext } from '../context.ts';
import { idempotencyOf, projectOf } from '../idempotency.ts';
import { streamRun } from '../stream-run.ts';
import { filesOfThread, newMessage, newThread } from './threads.ts';

export function createRunHandler(context: ApiContext): RequestHandler {
  return async (request, response) => {
    const threadId = checkId('thread_id', (request.params as { thread_id: string }).thread_id);
    parseIncludeQuery(request.query);
    const params = parseCreateRun(request.body);
    const messages = params.additional_messages.map(newMessage);
    const projectId = projectOf(response);
    const accepted = await once(context.pool, idempotencyOf(request, response), async (tx) => {
      const assistant = await getAssistantRow(tx, projectId, params.assistant_id);
      const settings = effectiveSettings(
        context.config,
        assistant,
        params,
        params.additional_instructions,
        {},
      );
      await checkFiles(tx, projectId, filesOfMessages(messages));
      return createRun(tx, projectId, threadId, assistant, messages, settings);
    });
    await answer(context, request, response, accepted, params.stream);
  };
}

export function createThreadAndRunHandler(context: ApiContext): RequestHandler {
  return async (request, response) => {
    const params = parseCreateThreadAndRun(request.body);
    parseIncludeQuery(request.query);
    const fields = newThread(params.thread);
    const projectId = projectOf(response);
    const accepted = await once(context.pool, idempotencyOf(request, response), async (tx) => {
      const assistant = await getAssistantRow(tx, projectId, params.assistant_id);
      const settings = effectiveSettings(
        context.config,
        assistant,
        params,
        undefined,
        params.tool_resources ?? {},
      );
      const named = [...filesOfThread(fields), ...filesOfResources(params.tool_resources)];
      await checkFiles(tx, projectId, named);
      const thread = await createThread(tx, projectId, fields);
      return createFirstRun(tx, projectId, thread, assistant, fields.messages.length, settings);
    });
    await answer(context, request, response, accepted, params.stream);
  };
}

/** The request's values replace the assistant's; additional instructions follow whichever apply. */
function effectiveSettings(
  config: Config,
  assistant: AssistantRow,
  params: RunParams,
  additionalInstructions: string | undefined,
  toolResources: ToolResources,
): NewRun {
  const expiresAfterSeconds = params.expires_after ?? config.runExpirySeconds;
  if (expiresAfterSeconds > config.runExpiryMaxSeconds) {
    throw invalidRequest(
      `Invalid 'expires_after': this server allows at most ${config.runExpiryMaxSeconds} seconds.`,
      {
        param: 'expires_after',
        code: 'integer_above_max_value',
      },
    );
  }
  const instructions = [
    params.instructions ?? assistant.instructions,
    additionalInstructions,
  ].filter(Boolean);
  return {
    model: params.model ?? assistant.model,
    instructions: instructions.length === 0 ? null : instructions.join('\n\n'),
    tools: params.tools ?? assistant.tools,
    tool_resources: toolResources,
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
    expiresAfterSeconds,
    codeFileIds:
      (toolResources.code_interpreter ?? assistant.tool_resources.code_interpreter)?.file_ids ?? [],
    vectorStoreIds:
      (toolResources.file_search ?? assistant.tool_resources.file_search)?.vector_store_ids ?? [],
  };
}

/** Temporal is told at once; the client need not wait for it. */
export async function answer(
  context: ApiContext,
  request: Request,
  response: Response,
  accepted: AcceptedRun & { replayed: boolean },
  stream: boolean,
): Promise<void> {
  for (const delivery of accepted.ingests ?? []) context.dispatcher.dispatch(delivery);
  if (!accepted.replayed) context.dispatcher.dispatch(accepted.delivery);
  if (stream) {
    if (accepted.replayed && !(await runExists(context.pool, accepted.run.id)))
      throw notFound('run', accepted.run.id);
    await streamRun(context, request, response, accepted.run, {
      afterSeq: accepted.beforeSeq,
      stopAtPause: true,
    });
    return;
  }
  response.set('openai-poll-after-ms', String(context.config.pollAfterMs));
  response.json(accepted.run);
}
