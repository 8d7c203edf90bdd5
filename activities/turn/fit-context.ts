/** Cuts messages and results to the model's context. Every cut leaves a mark that the model sees. Pure. */
import type { ContextMessage } from '../../db/threads/messages.ts';
import type { TruncationStrategy } from '../../wire/types.ts';
import { headAndTail } from '../../wire/text.ts';

/** A text with its tokens. */
export type Sized = { text: string; tokens: number };

/** Cuts the longest texts until all together take at most `room` tokens; short ones stay whole. */
export function shareRoom<T extends Sized>(texts: T[], room: number): T[] {
  let left = room;
  let waiting = texts.length;
  const limits = new Map<T, number>();
  for (const text of texts.toSorted((a, b) => a.tokens - b.tokens)) {
    const limit = Math.min(text.tokens, Math.floor(left / waiting));
    limits.set(text, limit);
    left -= limit;
    waiting -= 1;
  }
  return texts.map((text) => cutTo(text, limits.get(text)!));
}

/** The size of the mark, about. */
const MARK_TOKENS = 12;

function cutTo<T extends Sized>(sized: T, limit: number): T {
  const { text, tokens } = sized;
  if (tokens <= limit) return sized;
  const characters = Math.floor((text.length * Math.max(0, limit - MARK_TOKENS)) / tokens);
  return { ...sized, text: headAndTail(text, characters), tokens: limit };
}

export type KeptMessage = ContextMessage & { isCut?: true };

/** Cuts the texts of messages, none of which can be left out. */
export function cutMessages(messages: ContextMessage[], room: number): KeptMessage[] {
  const sized = messages.map((message) => ({
    message,
    text: textOf(message),
    tokens: message.tokens,
  }));
  return shareRoom(sized, room).map(({ message, text, tokens }) =>
    tokens === message.tokens
      ? message
      : { ...message, tokens, content: withText(message, text), isCut: true },
  );
}

function textOf({ content }: ContextMessage): string {
  return content.flatMap((part) => (part.type === 'text' ? [part.text.value] : [])).join('\n\n');
}

/** The other parts stay, in front of the one text. */
function withText({ content }: ContextMessage, value: string): ContextMessage['content'] {
  const others = content.filter(({ type }) => type !== 'text');
  return [...others, { type: 'text', text: { value, annotations: [] } }];
}

/** The thread's first message may take this share of the room from newer ones: a quarter. */
const FIRST_SHARE = 4;

/** `auto` drops messages from the middle: the thread's first message stays, and the oldest of the window go instead. */
export function fitFirst<M extends { seq: number; tokens: number }>(
  messages: M[],
  startSeq: number,
  budget: number,
  truncation: TruncationStrategy,
): M[] {
  const [first, ...newest] = messages;
  if (first === undefined || first.seq >= startSeq) return messages;
  if (truncation.type !== 'auto' || first.tokens > budget / FIRST_SHARE) return newest;
  let total = messages.reduce((sum, message) => sum + message.tokens, 0);
  while (total > budget && newest.length > 1) total -= newest.shift()!.tokens;
  return total > budget ? newest : [first, ...newest];
}
