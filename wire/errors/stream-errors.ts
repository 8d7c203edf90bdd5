/**
 * Errors inside a stream that a model server had begun with 200, in the shapes of OpenAI (completions and responses), vLLM,
 * LiteLLM, Ollama, llama.cpp, Anthropic and OpenRouter. A tenant reads as much of them as of other errors. Pure.
 */
import type { ApiErrorBody } from './errors.ts';
import { fieldsOf, shownError } from './foreign-errors.ts';
import { jsonOr } from '../text.ts';

type Server = { baseUrl: string; apiKey: string };
type Fields = Record<string, unknown>;

/** Inside a JSON string every quote is escaped, so a text of the model has none of these. */
const HINT =
  /"error"\s*:(?!\s*null)|"(?:object|type)"\s*:\s*"error"|"(?:detail|errors|base_resp)"\s*:/;
const CLIENTS_FAULT =
  /invalid|bad_?request|context_length|content_(filter|policy)|not_?found|unsupported|rate_?limit|validation|quota/i;

/**
 * Shows lines of a stream, also a line at a time. `report` gets the text of each error as the server sent it. The characters of
 * the lines are bytes (latin1), so that what is not an error stays the same to the byte.
 */
export function streamErrors(server: Server, report: (text: string) => void) {
  /** The line before was `event: error`. */
  let named = false;
  const showLine = (line: string): string => {
    const [, field = '', content = '', end = ''] = /^((?:data|error): ?)?([^]*?)(\r?\n?)$/.exec(
      line,
    )!;
    const isData = field !== '' || content.startsWith('{');
    const isNamed = named || field.startsWith('error');
    const mayBeError = isData && (isNamed || HINT.test(content));
    named = /^event: ?error\b/.test(line) || (named && line !== end);
    if (!mayBeError) return line;
    const text = Buffer.from(content, 'latin1').toString();
    const data = jsonOr(text, undefined);
    const shown =
      shownData(data, server) ?? (isNamed ? { error: shownIn(fieldsOf(data), server) } : undefined);
    if (shown === undefined) return line;
    report(text);
    return field + Buffer.from(JSON.stringify(shown)).toString('latin1') + end;
  };
  return (lines: string): string =>
    named || lines.includes('err') || HINT.test(lines)
      ? lines
          .split(/(?<=\n)/)
          .map(showLine)
          .join('')
      : lines;
}

/** Undefined: it is no error. */
function shownData(data: unknown, server: Server): unknown {
  if (Array.isArray(data)) {
    const error: unknown = data.find(isError);
    return error === undefined ? undefined : [shownData(error, server)];
  }
  if (typeof data !== 'object' || data === null) return shownError({ status: undefined, server });
  const fields = data as Fields;
  const response = fieldsOf(fields['response']);
  if (response['error']) {
    const { code, type, message } = shownIn(response, server);
    return { ...fields, response: { ...response, error: { code: code ?? type, message } } };
  }
  if (!isError(data)) return undefined;
  const error = shownIn(fields, server);
  const { choices, type, object, sequence_number } = fields;
  if (choices !== undefined) return { ...fields, choices: withoutErrors(choices), error };
  if (fields['error'] && type !== 'error') return { error };
  if (fields['error']) return { type, error };
  if (type === 'error') return { ...error, type, sequence_number };
  return object === 'error' ? { object, ...error } : { error };
}

function isError(data: unknown): boolean {
  const { choices, error, object, type, ...rest } = fieldsOf(data);
  if (error || object === 'error' || type === 'error') return true;
  if (Array.isArray(choices)) return choices.some((choice) => Boolean(fieldsOf(choice)['error']));
  const isOther = choices !== undefined || object !== undefined || type !== undefined;
  return !isOther && ['detail', 'errors', 'base_resp', 'message'].some((key) => rest[key]);
}

/** OpenRouter puts the error into the choice. */
function withoutErrors(choices: unknown): unknown {
  if (!Array.isArray(choices)) return choices;
  return choices.map((choice) => {
    const { error: _, ...rest } = fieldsOf(choice);
    return rest;
  });
}

function shownIn(fields: Fields, server: Server): ApiErrorBody['error'] {
  const choice = Array.isArray(fields['choices']) ? fieldsOf(fields['choices'][0]) : {};
  const error = fields['error'] ?? choice['error'] ?? fields;
  return shownError({ status: statusOf(fieldsOf(error)), body: { error }, server }).error;
}

/** Undefined: it is not the request's fault, as far as the error says. */
function statusOf({ code, status, status_code: statusCode, type }: Fields): number | undefined {
  const said = [code, status, statusCode].map(Number).find((one) => one >= 400 && one < 600);
  return said ?? (CLIENTS_FAULT.test(`${String(type)} ${String(code)}`) ? 400 : undefined);
}
