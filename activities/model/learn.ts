/**
 * What a refusal teaches about a model server: the request fields and rules that servers are known to refuse, by the
 * words they do it with. A rule never reacts to a value that is out of range: that is the caller's to correct. Pure.
 */
import type { ModelProfile } from '../../config/models-file.ts';
import type { ChatRequest } from './request/build-request.ts';

export type Lesson = { profile: ModelProfile; change: string };

const REFUSED =
  /unsupported|not support|n't support|unrecogni[sz]ed|unknown|unexpected|extra|not permitted|not allowed|forbidden|no such|cannot be|can't be|deprecated|not available|not enabled|requires|only be|cannot both|additional propert|invalid (argument|parameter|field|name)|does not exist|only .{1,30}allowed|supported (string )?values/i;
const OUT_OF_RANGE =
  /less than|greater than|between|out of range|too (large|small|big)|at (most|least)|exceed/i;

const FIELDS: (
  | 'stream_options'
  | 'parallel_tool_calls'
  | 'tool_choice'
  | 'reasoning_effort'
  | 'temperature'
  | 'top_p'
)[] = ['parallel_tool_calls', 'tool_choice', 'reasoning_effort', 'temperature', 'top_p'];

/** The profile to try next, or undefined when the refusal teaches nothing. `text`: all the server said. */
export function learn(
  profile: ModelProfile,
  request: ChatRequest,
  text: string,
): Lesson | undefined {
  const refused = REFUSED.test(text) && !OUT_OF_RANGE.test(text);
  return (
    learnRoles(profile, request, text) ??
    learnContent(profile, request, text) ??
    (refused ? learnField(profile, request, text) : undefined)
  );
}

function learnRoles(profile: ModelProfile, request: ChatRequest, text: string): Lesson | undefined {
  const order = /alternat|consecutive|same role|roles? must|expected .{0,20}role|in a row/i.test(
    text,
  );
  if (order && !profile.merge_roles && hasRepeatedRole(request)) {
    return {
      profile: { ...profile, merge_roles: true },
      change: 'messages of one role are joined',
    };
  }
  const system =
    /system (role|message|prompt)|role\W{1,9}(system|developer)|(system|developer)\W{1,9}role|developer instruction|\.role/i;
  if (system.test(text) && REFUSED.test(text) && request.messages[0]?.role === 'system') {
    const change = 'instructions open the first user message';
    return { profile: { ...profile, system_role: 'user' }, change };
  }
  return undefined;
}

function hasRepeatedRole({ messages }: ChatRequest): boolean {
  return messages.some(
    ({ role }, index) =>
      role === messages[index + 1]?.role && (role === 'user' || role === 'assistant'),
  );
}

const EMPTY_CONTENT = { null: 'empty', empty: 'omit', omit: undefined } as const;

function learnContent(
  profile: ModelProfile,
  request: ChatRequest,
  text: string,
): Lesson | undefined {
  const next = EMPTY_CONTENT[profile.empty_content];
  const sent = request.messages.some(({ role, content }) => role === 'assistant' && !content);
  const refused =
    /(?<!\w)content(?!\w)/i.test(text) &&
    /null|none|string|empty|whitespace|missing|required/i.test(text);
  if (!sent || !refused || next === undefined) return undefined;
  return {
    profile: { ...profile, empty_content: next },
    change: `content without text is ${next}`,
  };
}

/** All fields that the refusal names at once: some servers name every one. */
function learnField(profile: ModelProfile, request: ChatRequest, text: string): Lesson | undefined {
  const next = { ...profile };
  const changes: string[] = [];
  const limit = profile.limit_field;
  if (limit !== null && request[limit] !== undefined && names(text, limit)) {
    next.limit_field = limit === 'max_completion_tokens' ? 'max_tokens' : null;
    changes.push(`${limit} becomes ${next.limit_field}`);
  }
  if (typeof request.tool_choice === 'object' && names(text, 'tool_choice')) {
    next.named_tool_choice = false;
    changes.push('a tool is demanded by offering no other');
  }
  const sent = FIELDS.filter((field) =>
    ['string', 'number', 'boolean'].includes(typeof request[field]),
  );
  if (request.stream_options !== undefined) sent.push('stream_options');
  const both = /both|only one/i.test(text) && names(text, 'top_p');
  for (const field of [...sent, ...extraFields(request)]) {
    if (!names(text, field) || (both && field === 'temperature')) continue;
    next.omit = [...next.omit, field];
    changes.push(`${field} is left out`);
  }
  return changes.length === 0 ? undefined : { profile: next, change: changes.join(', ') };
}

/** `strict` of tools, and what only some servers want back in a message. */
function extraFields({ tools = [], messages }: ChatRequest): string[] {
  const strict = tools.some((tool) => tool.type === 'function' && 'strict' in tool.function);
  const usual = new Set(['role', 'content', 'tool_calls', 'tool_call_id']);
  const calls = messages.flatMap(
    (message) => ('tool_calls' in message && message.tool_calls) || [],
  );
  const others = [
    ...messages.flatMap((message) => Object.keys(message).filter((key) => !usual.has(key))),
    ...calls.flatMap((call) =>
      Object.keys(call).filter((key) => !/^(id|type|function)$/.test(key)),
    ),
  ];
  return [...(strict ? ['strict'] : []), ...new Set(others)];
}

/** Also in the spelling of servers that write their fields otherwise. */
function names(text: string, field: string): boolean {
  const camel = field.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return new RegExp(`(?<!\\w)(${field}|${camel})(?!\\w)`).test(text);
}

/** The most tokens that an answer may have, from a refusal of a larger limit. */
export function readMaxCompletion(text: string): number | undefined {
  const found =
    /at most (\d{2,}) (?:completion|output)|max_(?:completion_)?tokens.{0,60}?(?:<=|at most|less than or equal to|maximum (?:value )?(?:of|is)) ?(\d{2,})/i.exec(
      text,
    );
  return found === null ? undefined : Number(found[1] ?? found[2]);
}

/** Numbers of a refusal that says that a prompt was too long; undefined for any other. */
export function readTooLong(text: string): { window?: number; prompt?: number } | undefined {
  if (!TOO_LONG.test(text)) return undefined;
  return { ...first('window', WINDOW, text), ...first('prompt', PROMPT, text) };
}

const TOO_LONG =
  /context[ _](length|window|size)|maximum context|too many (input )?tokens|prompt (is )?too long|reduce the length|max_model_len|exceeds? (the )?(model'?s? )?(maximum |max )?(context|input|prompt|number of tokens|token limit)|input (is )?too long|prompt contains \d+ tokens|too large for (model|\S+ model)|inputs`? tokens|range of input length|model token limit/i;
const WINDOW = [
  /"n_ctx"\s*:\s*(\d+)/,
  /(?:maximum|max) context (?:length|size|window)\D{0,30}?(\d{3,})/i,
  /context (?:length|window|size|limit)\D{0,40}?(\d{3,})/i,
  /max_model_len\D{0,20}?(\d{3,})/i,
  /(?:>|with|limit of|limit:|most|maximum of|must be <=?|max size:|length should be \[\d+,)\s*(\d{3,})/i,
];
const PROMPT = [
  /"n_prompt_tokens"\s*:\s*(\d+)/,
  /(?:requested|resulted in|contains|has|got|given|of):?\s+(?:about |at least )?(\d{3,})\s*(?:`?inputs?`? |prompt )?tokens/i,
  /requested:\s*(\d{3,})/i,
  /request \((\d{3,}) tokens\)/i,
  /(\d{3,})\s*tokens\s*>/i,
];

function first<K extends string>(key: K, patterns: RegExp[], text: string): { [P in K]?: number } {
  const found = patterns.map((pattern) => pattern.exec(text)?.[1]).find(Boolean);
  return found === undefined ? {} : ({ [key]: Number(found) } as { [P in K]?: number });
}
