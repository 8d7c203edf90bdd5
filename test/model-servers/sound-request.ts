/** Whether a request is one that the strictest model server accepts, whatever it answered before. */
import type { Row, Sent, SentMessage } from './row.ts';

/** @throws Error naming the rule that the request breaks */
export function assertSound({ messages, ...rest }: Sent, row: Row): void {
  for (const value of strings({ messages, ...rest })) {
    rule(!value.includes('\u0000'), 'a text has U+0000');
    rule(value.isWellFormed(), 'a text has half of a surrogate pair');
  }
  rule(messages.length > 0, 'there is no message');
  rule(
    messages.some(({ role }) => role === 'user'),
    'nobody asks anything',
  );
  rule(
    !('max_tokens' in rest && 'max_completion_tokens' in rest),
    'the limit is there under two names',
  );
  for (const [index, message] of messages.entries()) {
    checkContent(message, row);
    checkCalls(message, messages.slice(index + 1));
    if (message.role === 'tool') checkAnswered(message, messages.slice(0, index));
  }
}

function checkContent(
  { role, content, tool_calls: calls, function_call: call }: SentMessage,
  row: Row,
): void {
  const called = calls !== undefined || call !== undefined;
  if (role === 'assistant' && called && (content === null || content === undefined)) return;
  if (role === 'tool' || role === 'function') {
    rule(typeof content === 'string', `the content of a result is ${typeof content}`);
    return;
  }
  if (role === 'assistant' && called && content === '' && row.emptyContent) return;
  const texts = typeof content === 'string' ? [content] : [...strings(content)];
  rule(
    texts.some((value) => value.trim() !== ''),
    `a message of the ${role} is blank`,
  );
  rule(
    texts.every((value) => !/\[object Object\]|^undefined$|^null$/.test(value)),
    'a text is junk',
  );
}

/** Each call is whole, and the messages that follow at once are its results and nothing else. */
function checkCalls({ tool_calls: made }: SentMessage, following: SentMessage[]): void {
  if (made === undefined) return;
  rule(made.length > 0, 'tool_calls is empty');
  for (const { id, type, function: called } of made) {
    rule(type === 'function', `a call's type is ${String(type)}`);
    rule(typeof id === 'string' && id !== '', 'a call has no id');
    rule(typeof called.name === 'string' && called.name !== '', 'a call has no name');
    rule(isObjectText(called.arguments), `arguments are not an object: ${called.arguments}`);
  }
  const ids = made.map(({ id }) => id);
  rule(new Set(ids).size === ids.length, `two calls have one id: ${ids.join()}`);
  const answered = new Set(following.slice(0, ids.length).map((message) => message.tool_call_id));
  rule(
    ids.every((id) => answered.has(id)),
    `calls ${ids.join()} are not answered at once`,
  );
}

function checkAnswered({ tool_call_id: id }: SentMessage, before: SentMessage[]): void {
  const caller = before.findLast(({ role }) => role !== 'tool');
  const known = caller?.tool_calls?.some((call) => call.id === id) ?? false;
  rule(known, `the result of ${String(id)} answers no call`);
}

export function isObjectText(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
  } catch {
    return false;
  }
}

function* strings(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) yield* strings(inner);
  }
}

function rule(holds: boolean, text: string): void {
  if (!holds) throw new Error(`The model server was sent a request that servers refuse: ${text}.`);
}
