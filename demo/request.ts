/** The part of OpenAI's chat completions request the demo model looks at, and the checks it makes. */

export type JsonSchema = boolean | { [keyword: string]: unknown };

export type ToolCall = { id: string; function: { name: string; arguments: string } };

export type Message = {
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  content?: string | null | { type: string; text?: string }[];
  tool_calls?: ToolCall[];
  tool_call_id?: string;
};

export type FunctionTool = { name: string; description?: string; parameters?: JsonSchema };

export type ResponseFormat =
  { type: 'text' } | { type: 'json_object' } | { type: 'json_schema'; schema: JsonSchema };

export type ChatRequest = {
  model: string;
  messages: Message[];
  tools: FunctionTool[];
  /** A name: that function has to be called. */
  toolChoice: 'auto' | 'none' | 'required' | { name: string };
  parallelToolCalls: boolean;
  responseFormat: ResponseFormat;
  maxTokens: number | undefined;
  stream: boolean;
  includeUsage: boolean;
};

/** A request the demo model cannot answer. Rendered in OpenAI's error envelope. */
export class RequestError extends Error {
  override name = 'RequestError';
  readonly status: number;
  readonly param: string | null;
  readonly code: string | null;
  constructor(
    message: string,
    param: string | null = null,
    code: string | null = null,
    status = 400,
  ) {
    super(message);
    this.status = status;
    this.param = param;
    this.code = code;
  }
}

type Fields = Record<string, unknown>;

/** Reads a request body. Throws RequestError, in the words of the hosted service where it has any. */
export function parseRequest(raw: string): ChatRequest {
  const body = parseBody(raw);
  if (typeof body.model !== 'string' || body.model === '') {
    throw new RequestError('you must provide a model parameter');
  }
  if (body.n !== undefined && body.n !== null && body.n !== 1) {
    throw new RequestError('The demo model gives one choice: n must be 1.', 'n');
  }
  const tools = parseTools(body.tools);
  return {
    model: body.model,
    messages: parseMessages(body.messages),
    tools,
    toolChoice: parseToolChoice(body.tool_choice, tools),
    parallelToolCalls: body.parallel_tool_calls !== false,
    responseFormat: parseResponseFormat(body.response_format),
    maxTokens: parseMaxTokens(body),
    stream: body.stream === true,
    includeUsage: isFields(body.stream_options) && body.stream_options.include_usage === true,
  };
}

function parseBody(raw: string): Fields {
  let body: unknown;
  try {
    body = JSON.parse(raw);
  } catch {
    throw new RequestError('We could not parse the JSON body of your request.');
  }
  if (!isFields(body)) throw new RequestError('The request body must be a JSON object.');
  return body;
}

const ROLES = new Set<unknown>(['system', 'developer', 'user', 'assistant', 'tool']);

function parseMessages(value: unknown): Message[] {
  if (value === undefined) throw missing('messages');
  if (!Array.isArray(value)) throw wrongType('messages', 'an array of objects');
  if (value.length === 0) {
    throw new RequestError("Invalid 'messages': empty array.", 'messages', 'empty_array');
  }
  const messages = value.map((message: unknown, index) => {
    const at = `messages[${index}]`;
    if (!isFields(message)) throw wrongType(at, 'an object');
    if (!ROLES.has(message.role)) {
      throw new RequestError(`Invalid value for '${at}.role'.`, `${at}.role`, 'invalid_value');
    }
    if (!isContent(message.content))
      throw wrongType(`${at}.content`, 'a string or an array of parts');
    return message as Message;
  });
  checkToolMessages(messages);
  return messages;
}

/** The hosted service insists that calls and results pair up, so a caller's mistake shows here as well. */
function checkToolMessages(messages: Message[]): void {
  let open = new Set<string>();
  for (const [index, message] of messages.entries()) {
    if (message.role === 'tool') {
      if (open.delete(message.tool_call_id ?? '')) continue;
      throw new RequestError(
        "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
        `messages[${index}].role`,
      );
    }
    if (open.size > 0) throw unanswered(open, index);
    open = new Set(message.tool_calls?.map((call) => call.id));
  }
  if (open.size > 0) throw unanswered(open, messages.length);
}

function unanswered(open: Set<string>, index: number): RequestError {
  return new RequestError(
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
      `The following tool_call_ids did not have response messages: ${[...open].join(', ')}`,
    `messages[${index}].role`,
  );
}

function parseTools(value: unknown): FunctionTool[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw wrongType('tools', 'an array of objects');
  return value.map((tool: unknown, index) => {
    const definition = isFields(tool) && tool.type === 'function' ? tool.function : undefined;
    if (!isFields(definition) || typeof definition.name !== 'string') {
      throw missing(`tools[${index}].function.name`);
    }
    return definition as FunctionTool;
  });
}

function parseToolChoice(value: unknown, tools: FunctionTool[]): ChatRequest['toolChoice'] {
  if (value === undefined || value === null || value === 'auto') return 'auto';
  if (value === 'none') return 'none';
  if (value === 'required' && tools.length > 0) return 'required';
  if (value === 'required') {
    throw new RequestError(
      "'tool_choice' is only allowed when 'tools' are specified.",
      'tool_choice',
    );
  }
  const name = isFields(value) && isFields(value.function) ? value.function.name : undefined;
  if (typeof name !== 'string')
    throw wrongType('tool_choice', "'none', 'auto', 'required' or a function");
  if (tools.some((tool) => tool.name === name)) return { name };
  throw new RequestError(`Tool choice '${name}' not found in 'tools' parameter.`, 'tool_choice');
}

function parseResponseFormat(value: unknown): ResponseFormat {
  if (value === undefined || value === null) return { type: 'text' };
  const type = isFields(value) ? value.type : undefined;
  if (type === 'text' || type === 'json_object') return { type };
  if (type !== 'json_schema') {
    throw wrongType(
      'response_format',
      "an object whose type is 'text', 'json_object' or 'json_schema'",
    );
  }
  const holder = (value as Fields).json_schema;
  if (!isFields(holder)) throw missing('response_format.json_schema');
  return { type, schema: (holder.schema ?? {}) as JsonSchema };
}

function parseMaxTokens(body: Fields): number | undefined {
  const name = 'max_completion_tokens' in body ? 'max_completion_tokens' : 'max_tokens';
  const value = body[name] ?? body.max_tokens ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value)) throw wrongType(name, 'an integer');
  if (value >= 1) return value;
  throw new RequestError(
    `Invalid '${name}': integer below minimum value. Expected a value >= 1, but got ${value} instead.`,
    name,
    'integer_below_min_value',
  );
}

function isContent(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    typeof value === 'string' ||
    (Array.isArray(value) && value.every(isFields))
  );
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function missing(param: string): RequestError {
  return new RequestError(
    `Missing required parameter: '${param}'.`,
    param,
    'missing_required_parameter',
  );
}

function wrongType(param: string, expected: string): RequestError {
  return new RequestError(
    `Invalid type for '${param}': expected ${expected}.`,
    param,
    'invalid_type',
  );
}
