import { describe, expect, test } from 'vitest';
import * as errors from '../../wire/errors/errors.ts';
import * as fileErrors from '../../wire/errors/file-errors.ts';
import * as httpErrors from '../../wire/errors/http-errors.ts';
import { ApiError } from '../../wire/errors/errors.ts';

type Row = {
  error: ApiError;
  status: number;
  message: string | RegExp;
  code?: string;
  param?: string;
};

const thread = 'thread_x';
const run = 'run_y';

const rows: Record<string, Row> = {
  'unknown assistant': {
    error: errors.notFound('assistant', 'asst_x'),
    status: 404,
    message: "No assistant found with id 'asst_x'.",
  },
  'unknown thread': {
    error: errors.notFound('thread', 'thread_x'),
    status: 404,
    message: "No thread found with id 'thread_x'.",
  },
  'unknown run step': {
    error: errors.notFound('run step', 'step_123'),
    status: 404,
    message: "No run step found with id 'step_123'.",
  },
  'unknown file': {
    error: fileErrors.noSuchFile('file-x'),
    status: 404,
    message: 'No such File object: file-x',
    param: 'id',
  },
  'unknown route': {
    error: httpErrors.unknownRoute('POST', '/v1/foo'),
    status: 404,
    message: 'Invalid URL (POST /v1/foo)',
  },
  'unknown model': {
    error: httpErrors.modelNotFound('x'),
    status: 404,
    message: "The model 'x' does not exist",
    code: 'model_not_found',
    param: 'model',
  },
  'ill-formed id': {
    error: errors.illFormedId('thread_id', 'undefined', 'thread'),
    status: 400,
    message: "Invalid 'thread_id': 'undefined'. Expected an ID that begins with 'thread'.",
    code: 'invalid_value',
    param: 'thread_id',
  },
  'unknown cursor': {
    error: errors.unknownCursor('after', 'msg_x'),
    status: 400,
    message: /'after'.*'msg_x'/,
    code: 'invalid_value',
    param: 'after',
  },
  'message while a run is active': {
    error: errors.threadBusyForMessage(thread, run),
    status: 400,
    message: "Can't add messages to thread_x while a run run_y is active.",
  },
  'run while a run is active': {
    error: errors.threadHasActiveRun(thread, run),
    status: 400,
    message: 'Thread thread_x already has an active run run_y.',
  },
  'run with nothing to answer': {
    error: errors.emptyThread(),
    status: 400,
    message:
      'Run creation requires a Thread with a user message or an assistant with instructions.',
    code: 'invalid_thread',
  },
  'outputs in the wrong state': {
    error: errors.runDoesNotAcceptOutputs('in_progress'),
    status: 400,
    message: 'Runs in status "in_progress" do not accept tool outputs.',
  },
  'outputs for the wrong calls': {
    error: errors.toolOutputsMismatch(['call_a', 'call_b'], ['call_a']),
    status: 400,
    message: "Expected tool outputs for call_ids ['call_a', 'call_b'], got ['call_a']",
  },
  'no outputs at all': {
    error: errors.toolOutputsMismatch(['call_a'], []),
    status: 400,
    message: "Expected tool outputs for call_ids ['call_a'], got []",
  },
  'cancel of a finished run': {
    error: errors.cannotCancel('completed'),
    status: 400,
    message: "Cannot cancel run with status 'completed'.",
  },
  'change of a working run': {
    error: errors.cannotUpdateRun('in_progress'),
    status: 400,
    message: "Cannot update run with status 'in_progress'.",
  },
  'forbidden download': {
    error: fileErrors.downloadNotAllowed('assistants'),
    status: 400,
    message: 'Not allowed to download files of purpose: assistants',
  },
  'no key': {
    error: httpErrors.missingApiKey(),
    status: 401,
    message: /^You didn't provide an API key\. .*npm run keys/,
  },
  'wrong key': {
    error: httpErrors.incorrectApiKey('sk-***abc'),
    status: 401,
    message: /^Incorrect API key provided: sk-\*\*\*abc\. .*npm run keys/,
    code: 'invalid_api_key',
  },
  'no beta header': {
    error: httpErrors.missingBetaHeader(),
    status: 400,
    message:
      "You must provide the 'OpenAI-Beta' header to access the Assistants API. " +
      "Please try again by setting the header 'OpenAI-Beta: assistants=v2'.",
    code: 'invalid_beta',
  },
  'old beta header': {
    error: httpErrors.wrongBetaVersion('assistants=v1'),
    status: 400,
    message: /'assistants=v1'.*'OpenAI-Beta: assistants=v2'/,
    code: 'invalid_beta',
  },
  'idempotency key used twice': {
    error: httpErrors.idempotencyKeyReused(),
    status: 400,
    message: /already used with a different request/,
    code: 'idempotency_key_reused',
    param: 'Idempotency-Key',
  },
  'idempotency key that cannot be one': {
    error: httpErrors.idempotencyKeyInvalid(),
    status: 400,
    message: /^Invalid 'Idempotency-Key'/,
    code: 'invalid_value',
    param: 'Idempotency-Key',
  },
  'large body': {
    error: httpErrors.bodyTooLarge(1024),
    status: 413,
    message: /1024 bytes/,
    code: 'request_too_large',
  },
  'body that is not JSON': {
    error: httpErrors.malformedJson(),
    status: 400,
    message: /^We could not parse the JSON body of your request\. /,
  },
};

describe('errors a client can meet', () => {
  test.each(Object.entries(rows))('%s', (_name, { error, status, message, code, param }) => {
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('ApiError');
    expect(error.status).toBe(status);
    expect(error.message).toEqual(
      typeof message === 'string' ? message : expect.stringMatching(message),
    );
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      error: {
        message: error.message,
        type: 'invalid_request_error',
        param: param ?? null,
        code: code ?? null,
      },
    });
  });

  test('a fault of the server names the request and has its own type', () => {
    const error = httpErrors.serverFault('req_1');
    expect(error.status).toBe(500);
    expect(error.toJSON().error).toMatchObject({ type: 'server_error', param: null, code: null });
    expect(error.message).toMatch(/^The server had an error processing your request\. .*req_1/);
  });

  test('an outage says when to come back', () => {
    const error = httpErrors.unavailable('The database is away.', 3);
    expect(error).toMatchObject({ status: 503, type: 'server_error', retryAfterSeconds: 3 });
    expect(error.toJSON().error).not.toHaveProperty('retryAfterSeconds');
  });

  test('no conflict is answered with a status that clients retry by themselves', () => {
    for (const { error } of Object.values(rows)) {
      expect([408, 409, 429]).not.toContain(error.status);
    }
  });

  test('a cause is kept for the log and stays out of the answer', () => {
    const cause = new Error('secret');
    const error = new ApiError(500, 'x', { cause });
    expect(error.cause).toBe(cause);
    expect(JSON.stringify(error)).not.toContain('secret');
  });
});
