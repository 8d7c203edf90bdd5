/** Whether one line of an input file is a request that the batch can run. */
import { createHash } from 'node:crypto';

import type { NewLine } from '../../db/batches/check-lines.ts';
import { ApiError, invalidRequest } from '../../wire/errors/errors.ts';
import type { AssistantId, ThreadId } from '../../wire/ids.ts';
import { checkId } from '../../wire/ids.ts';
import { batchLineSchema, passedBodySchema, RUNS_ENDPOINT } from '../../wire/batches/requests.ts';
import { parseBody } from '../../wire/requests/body.ts';
import { createRunSchema, createThreadAndRunSchema } from '../../wire/requests/runs.ts';
import type { BatchError } from '../../wire/types.ts';
import type { Line } from './read-lines.ts';
import { MAX_LINE_BYTES } from './read-lines.ts';

/** What has to be there for a line. A model that a run does not name is the assistant's. */
type Needs = { assistantId: AssistantId | undefined; model: string | undefined };

export type CheckedLine = NewLine & Needs;

export type Checked = { line: CheckedLine } | { error: BatchError };

export function checkLine({ text, place, bytes }: Line, line: number, endpoint: string): Checked {
  try {
    if (text === undefined) throw bytes > MAX_LINE_BYTES ? tooLong() : notUtf8();
    const { custom_id: customId, url, body } = parseBody(batchLineSchema, parseLine(text));
    const threadId = threadOf(url, endpoint);
    const { assistant_id: assistantId, model, stream } = parseRequest(threadId, endpoint, body);
    if (stream) throw streamed();
    const contentHash = hashOf([endpoint, url, body]);
    return {
      line: { line, customId, url, place, bytes, threadId, contentHash, assistantId, model },
    };
  } catch (error) {
    if (error instanceof ApiError) return { error: toBatchError(error, line) };
    throw error;
  }
}

/** Two lines with the same hash ask for the same: the order of an object's fields does not count. */
function hashOf(content: unknown): Buffer {
  const text = JSON.stringify(content, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return createHash('sha256').update(text).digest();
}

function toBatchError({ code, message, param }: ApiError, line: number): BatchError {
  return { code: code ?? 'invalid_request', message, param, line };
}

function parseLine(text: string): unknown {
  try {
    // Without the mark that some editors write in front of UTF-8.
    return JSON.parse(text.trim());
  } catch {
    throw invalidRequest('This line is not parseable as valid JSON.', {
      code: 'invalid_json_line',
    });
  }
}

/** Null: the url names none. @throws ApiError */
function threadOf(url: string, endpoint: string): ThreadId | null {
  if (url === endpoint) return null;
  const [, thread] = /^\/v1\/threads\/([^/?#]+)\/runs$/.exec(url) ?? [];
  if (thread !== undefined && endpoint === RUNS_ENDPOINT) return checkId('thread_id', thread);
  const ofThread = endpoint === RUNS_ENDPOINT ? ` or '/v1/threads/{thread_id}/runs'` : '';
  throw invalidRequest(
    `Invalid 'url': '${url.slice(0, 200)}'. Expected '${endpoint}'${ofThread}.`,
    { code: 'invalid_url', param: 'url' },
  );
}

type Asked = { assistant_id?: AssistantId; model: string | undefined; stream: boolean };

/** @throws ApiError whose `param` begins with `body` */
function parseRequest(threadId: ThreadId | null, endpoint: string, body: unknown): Asked {
  try {
    if (threadId !== null) return parseBody(createRunSchema, body);
    if (endpoint === RUNS_ENDPOINT) return parseBody(createThreadAndRunSchema, body);
    return parseBody(passedBodySchema, body);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { message, code, param } = error;
    throw invalidRequest(message, { code, param: param === null ? 'body' : `body.${param}` });
  }
}

const tooLong = () =>
  invalidRequest(`The line has more than ${MAX_LINE_BYTES} bytes.`, { code: 'line_too_long' });

const notUtf8 = () =>
  invalidRequest('This line is not valid JSON, because its bytes are not UTF-8.', {
    code: 'invalid_json_line',
  });

const streamed = () =>
  invalidRequest("Invalid 'stream': a request of a batch cannot be streamed.", {
    code: 'invalid_value',
    param: 'body.stream',
  });
