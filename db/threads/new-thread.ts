/** A thread and its messages, as requests bring them. */
import type { ProjectId } from '../../wire/ids.ts';
import { filesOfMessages, filesOfResources } from '../../wire/requests/file-ids.ts';
import type { CreateMessageParams, CreateThreadParams } from '../../wire/requests/threads.ts';
import { textsOf, tokensBesideTexts } from '../../wire/tokens.ts';
import type { NewMessage } from './messages.ts';
import type { NewThread } from './threads.ts';

/** A thread's fields, with what is to be made together with it. */
export function newThread(params: CreateThreadParams): NewThread {
  return { ...params, messages: params.messages.map(newMessage) };
}

/** The files that a new thread names, in its messages and for its tools. */
export function filesOfThread({ messages, tool_resources }: NewThread): string[] {
  return [...filesOfMessages(messages), ...filesOfResources(tool_resources)];
}

/** Its tokens are counted by `countMessages`. */
export function newMessage(params: CreateMessageParams): NewMessage {
  return { ...params, tokens: 0 };
}

type Counter = { count(project: ProjectId, texts: readonly string[]): Promise<number[]> };

/** Before a transaction: the tokens of megabytes take seconds. */
export async function countMessages(
  counter: Counter,
  project: ProjectId,
  messages: NewMessage[],
): Promise<void> {
  const texts = messages.map(({ content }) => textsOf(content));
  const counts = await counter.count(project, texts.flat());
  let at = 0;
  for (const [index, message] of messages.entries()) {
    message.tokens = tokensBesideTexts(message.content);
    for (const tokens of counts.slice(at, (at += texts[index]!.length))) message.tokens += tokens;
  }
}
