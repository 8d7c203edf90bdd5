/** What a request for a run asks for. It comes from an operation of the API or from a line of a batch. */
import type { z } from 'zod';

import { invalidRequest } from '../../wire/errors/errors.ts';
import type { KeyId, ProjectId, ThreadId } from '../../wire/ids.ts';
import { filesOfMessages, filesOfResources } from '../../wire/requests/file-ids.ts';
import type { RunParams } from '../../wire/requests/runs.ts';
import { createRunSchema, createThreadAndRunSchema } from '../../wire/requests/runs.ts';
import type { AssistantRow } from '../../wire/rows.ts';
import type { ToolResources } from '../../wire/types.ts';
import type { Tx } from '../core/pool.ts';
import { checkFiles } from '../files/files.ts';
import { getAssistantRow } from '../threads/assistants.ts';
import { filesOfThread, newMessage, newThread } from '../threads/new-thread.ts';
import { createThread } from '../threads/threads.ts';
import type { AcceptedRun, BatchOfRun, NewRun } from './create-run.ts';
import { createFirstRun, createRun } from './create-run.ts';

/** Seconds that a run lives when its request does not say, and at most. */
type RunLife = { standard: number; longest: number };

/** Where a request comes from. */
export type RunSource = {
  projectId: ProjectId;
  keyId: KeyId;
  life: RunLife;
  batch?: BatchOfRun | undefined;
};

/** The body of `POST /threads/{thread_id}/runs`. */
export const runBody = createRunSchema.transform(({ additional_messages, ...params }) => ({
  ...params,
  messages: additional_messages.map(newMessage),
}));

/** The body of `POST /threads/runs`. */
export const threadAndRunBody = createThreadAndRunSchema.transform(({ thread, ...params }) => ({
  ...params,
  thread: newThread(thread),
}));

/** @throws ApiError 404, 400 */
export async function requestRun(
  tx: Tx,
  { projectId, keyId, life, batch }: RunSource,
  threadId: ThreadId,
  body: z.output<typeof runBody>,
): Promise<AcceptedRun> {
  const assistant = await getAssistantRow(tx, projectId, body.assistant_id);
  const settings = newRun(life, assistant, body);
  await checkFiles(tx, projectId, filesOfMessages(body.messages));
  const owners = { projectId, keyId, threadId, assistant, batch };
  const { on_active_run: onActiveRun } = body['x-threadmill'];
  return createRun(tx, owners, { messages: body.messages, onActiveRun }, settings);
}

/** @throws ApiError 404, 400 */
export async function requestThreadAndRun(
  tx: Tx,
  { projectId, keyId, life, batch }: RunSource,
  body: z.output<typeof threadAndRunBody>,
): Promise<AcceptedRun> {
  const assistant = await getAssistantRow(tx, projectId, body.assistant_id);
  const settings = newRun(life, assistant, body);
  const named = [...filesOfThread(body.thread), ...filesOfResources(body.tool_resources)];
  await checkFiles(tx, projectId, named);
  const thread = await createThread(tx, projectId, body.thread);
  const messageCount = body.thread.messages.length;
  const owners = { projectId, keyId, assistant, messageCount, batch };
  return createFirstRun(tx, owners, thread, settings);
}

type RunRequest = RunParams & {
  additional_instructions?: string | undefined;
  tool_resources?: ToolResources | undefined;
};

/** The request's values replace the assistant's; additional instructions follow whichever apply. */
function newRun(life: RunLife, assistant: AssistantRow, params: RunRequest): NewRun {
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
    expiresAfterSeconds: expirySeconds(life, params),
    codeFileIds: code_interpreter?.file_ids ?? [],
    vectorStoreIds: file_search?.vector_store_ids ?? [],
  };
}

function expirySeconds({ standard, longest }: RunLife, { expires_after }: RunParams): number {
  const seconds = expires_after ?? standard;
  if (seconds <= longest) return seconds;
  throw invalidRequest(`Invalid 'expires_after': this server allows at most ${longest} seconds.`, {
    param: 'expires_after',
    code: 'integer_above_max_value',
  });
}
