/** A thread and its messages, as requests bring them. */
import type { NewMessage } from '../../../db/threads/messages.ts';
import type { NewThread } from '../../../db/threads/threads.ts';
import { filesOfMessages, filesOfResources } from '../../../wire/requests/file-ids.ts';
import type { CreateMessageParams, CreateThreadParams } from '../../../wire/requests/threads.ts';
import { countContentTokens } from '../../../wire/tokens.ts';

/** A thread's fields, with what is to be made together with it. */
export function newThread(params: CreateThreadParams): NewThread {
  return { ...params, messages: params.messages.map(newMessage) };
}

/** The files that a new thread names, in its messages and for its tools. */
export function filesOfThread({ messages, tool_resources }: NewThread): string[] {
  return [...filesOfMessages(messages), ...filesOfResources(tool_resources)];
}

export function newMessage(params: CreateMessageParams): NewMessage {
  return { ...params, tokens: countContentTokens(params.content) };
}
