/** What a request's messages say: the current question, the instructions, what was said earlier, tool results. */
import type { ChatRequest, Message } from './request.ts';
import { readWorkspace, type Workspace } from './workspace.ts';

export type ToolResult = { name: string; arguments: string; output: string };

export type Conversation = {
  /** System and developer texts, in order. */
  instructions: string;
  /** The beginning of the last user message's text. */
  question: string;
  /** User messages not long before the current one, oldest first. */
  earlier: string[];
  /** User and assistant messages with content, the current one included. */
  messageCount: number;
  /** Image parts in the current question. */
  imageCount: number;
  /** Results of the calls made for the current question. */
  results: ToolResult[];
  /** What the sandbox of code_interpreter holds. */
  workspace: Workspace;
};

/** Reads the conversation off a request. */
export function readConversation(request: ChatRequest): Conversation {
  const { messages } = request;
  const at = messages.findLastIndex((message) => message.role === 'user');
  const current = messages[at];
  return {
    instructions: messages
      .filter(({ role }) => role === 'system' || role === 'developer')
      .slice(-READ_MESSAGES)
      .map(textOf)
      .join('\n'),
    question: current ? textOf(current) : '',
    earlier: messages
      .slice(0, Math.max(0, at))
      .filter(({ role }) => role === 'user')
      .slice(-READ_MESSAGES)
      .map(textOf),
    messageCount: messages.filter(isThreadMessage).length,
    imageCount: imagesOf(current),
    results: toolResults(messages.slice(at + 1)),
    workspace: readWorkspace(messages),
  };
}

/** The rules read this much of a message: some of their patterns take quadratic time. */
const READ_CHARACTERS = 4000;
/** And so many messages back. */
const READ_MESSAGES = 100;

function textOf(message: Message): string {
  return wholeTextOf(message).slice(0, READ_CHARACTERS);
}

function wholeTextOf({ content }: Message): string {
  if (!Array.isArray(content)) return content ?? '';
  return content.map((part) => part.text ?? '').join('\n');
}

function imagesOf(message: Message | undefined): number {
  if (!Array.isArray(message?.content)) return 0;
  return message.content.filter(({ type }) => type !== 'text').length;
}

/** An assistant's tool calls are run steps, not messages of the thread. */
function isThreadMessage(message: Message): boolean {
  return message.role === 'user' || (message.role === 'assistant' && textOf(message) !== '');
}

function toolResults(messages: Message[]): ToolResult[] {
  const calls = messages.flatMap((message) => message.tool_calls ?? []);
  return messages
    .filter(({ role }) => role === 'tool')
    .flatMap((message) => {
      const call = calls.find(({ id }) => id === message.tool_call_id);
      return call ? [{ ...call.function, output: plainOutput(wholeTextOf(message)) }] : [];
    });
}

/** Tools may wrap what a program printed in JSON; its lines are wanted, not their escapes. */
function plainOutput(output: string): string {
  try {
    const strings: string[] = [];
    JSON.parse(output, (_, value: unknown) => {
      if (typeof value === 'string' && value.includes('\n')) strings.push(value);
      return value;
    });
    return strings.length > 0 ? strings.join('\n') : output;
  } catch {
    return output;
  }
}

// A full stop belongs to a title or an initial; elsewhere it ends the sentence.
const NAME_WORD = String.raw`(?:(?:Dr|Mr|Mrs|Ms|Prof|\p{Lu})\.|\p{Lu}[\p{L}'’-]*)`;
const NAME = `["'“]?(${NAME_WORD}(?: ${NAME_WORD})*)`;
const ADDRESS = new RegExp(
  String.raw`(?:address|call|greet|refer to) (?:the )?(?:user|customer|student|client|person|them|him|her|me) (?:as|by the name|by name as|by the name of)?\s*${NAME}`,
  'gu',
);
const USER_NAME = new RegExp(
  String.raw`(?:user|customer|student|client)(?:['’]s name is| is (?:called|named)) ${NAME}`,
  'gu',
);

/** The name the instructions want the user addressed by; the last one said wins. */
export function addressedName({ instructions }: Conversation): string | undefined {
  // Sentences start with a capital as names do, and instructions may start with the verb.
  const readable = instructions.replace(/\b(?:Address|Call|Greet|Refer)\b/g, (verb) =>
    verb.toLowerCase(),
  );
  const found = [...readable.matchAll(ADDRESS), ...readable.matchAll(USER_NAME)];
  return found.at(-1)?.[1]?.replace(/['’]+$/, '');
}

/** Things the user told: "my name is Ann" is name → Ann, "my favourite colour is blue" likewise. The last wins. */
export function toldFacts(texts: string[]): Map<string, string> {
  const facts = new Map<string, string>();
  for (const text of texts) {
    for (const [, what, value] of text.matchAll(
      /\bmy ([a-z][a-z' -]{1,40}?) (?:is|are|=) ([^.!?,;\n]+)/gi,
    )) {
      const end = what === 'name' ? / (?:and|but) .*/ : /$/;
      facts.set(what!.toLowerCase(), value!.replace(end, '').trim());
    }
    const called = new RegExp(
      String.raw`\b(?:I am|I['’]m|I['’]m called|[Cc]all me|I am called) ${NAME}`,
      'u',
    );
    const name = called.exec(text)?.[1];
    if (name) facts.set('name', name);
  }
  return facts;
}

/** What "What is my …?" asks for; undefined for any other question. */
export function askedFact(question: string): string | undefined {
  if (/\bwho am i\b/i.test(question)) return 'name';
  const match =
    /\b(?:what(?:['’]?s| is| was| are| were)|do you (?:remember|know|recall)|tell me|remember) (?:what )?my ([a-z][a-z' -]*?)(?: (?:is|was|are|again|now))?\s*(?:[?.!]|$)/i.exec(
      question,
    );
  return match?.[1]?.toLowerCase();
}
