import { describe, expect, test } from 'vitest';

import { streamErrors } from '../../wire/errors/stream-errors.ts';

const server = { baseUrl: 'https://llm-7.acme-intra.example/v1', apiKey: 'abcd-efgh-1234' };
/** Of the server, the request and the key. */
const WHY = 'No such role at http://10.1.2.3:8000/v1 in /srv/llm/app.py, key abcd-efgh-1234';
const SHOWN = 'No such role at *** in ***, key ***';
const NOTHING = 'The model server reported an error.';

function show(lines: string): { shown: string; reports: string[] } {
  const reports: string[] = [];
  return { shown: streamErrors(server, (text) => reports.push(text))(lines), reports };
}

const choices = [{ index: 0, delta: { content: '' }, finish_reason: 'error' }];

/** As these servers write it in the middle of a stream, and what is shown of its data. */
const SHAPES: [server: string, line: string, shown: object][] = [
  [
    'OpenAI',
    `data: ${JSON.stringify({ error: { message: WHY, type: 'server_error', param: null, code: null } })}`,
    { error: { message: NOTHING, type: 'server_error', param: null, code: null } },
  ],
  [
    'OpenAI, of the request',
    `data: ${JSON.stringify({ error: { message: WHY, type: 'invalid_request_error', param: 'messages', code: 'context_length_exceeded' } })}`,
    {
      error: {
        message: SHOWN,
        type: 'invalid_request_error',
        param: 'messages',
        code: 'context_length_exceeded',
      },
    },
  ],
  [
    'OpenAI, responses',
    `event: error\ndata: ${JSON.stringify({ type: 'error', code: 'server_error', message: WHY, param: null, sequence_number: 7 })}`,
    { message: NOTHING, type: 'error', param: null, code: null, sequence_number: 7 },
  ],
  [
    'OpenAI, a failed response',
    `event: response.failed\ndata: ${JSON.stringify({ type: 'response.failed', response: { id: 'resp_1', status: 'failed', error: { code: 'server_error', message: WHY } } })}`,
    {
      type: 'response.failed',
      response: {
        id: 'resp_1',
        status: 'failed',
        error: { code: 'server_error', message: NOTHING },
      },
    },
  ],
  [
    'vLLM',
    `data: ${JSON.stringify({ error: { object: 'error', message: WHY, type: 'BadRequestError', param: null, code: 400 } })}`,
    { error: { message: SHOWN, type: 'BadRequestError', param: null, code: null } },
  ],
  [
    'vLLM, earlier',
    `data: ${JSON.stringify({ object: 'error', message: WHY, type: 'InternalServerError', param: null, code: 500 })}`,
    {
      object: 'error',
      message: 'The model server answered 500.',
      type: 'server_error',
      param: null,
      code: null,
    },
  ],
  [
    'LiteLLM',
    `data: ${JSON.stringify({ error: { message: `litellm.APIError: ${WHY}`, type: null, param: null, code: '500' } })}`,
    {
      error: {
        message: 'The model server answered 500.',
        type: 'server_error',
        param: null,
        code: null,
      },
    },
  ],
  [
    'Ollama',
    `data: ${JSON.stringify({ error: { message: WHY, type: 'api_error', param: null, code: null } })}`,
    { error: { message: NOTHING, type: 'server_error', param: null, code: null } },
  ],
  [
    'Ollama, without a field',
    JSON.stringify({ error: WHY }),
    { error: { message: NOTHING, type: 'server_error', param: null, code: null } },
  ],
  [
    'llama.cpp',
    `error: ${JSON.stringify({ code: 500, message: WHY, type: 'server_error' })}`,
    {
      error: {
        message: 'The model server answered 500.',
        type: 'server_error',
        param: null,
        code: null,
      },
    },
  ],
  [
    'Anthropic',
    `event: error\ndata: ${JSON.stringify({ type: 'error', error: { type: 'overloaded_error', message: WHY } })}`,
    { type: 'error', error: { message: NOTHING, type: 'server_error', param: null, code: null } },
  ],
  [
    'OpenRouter',
    `data: ${JSON.stringify({ id: 'gen-1', error: { code: 429, message: WHY, metadata: { raw: WHY } }, choices })}`,
    {
      id: 'gen-1',
      error: {
        message: `${SHOWN}`,
        type: 'invalid_request_error',
        param: null,
        code: null,
      },
      choices,
    },
  ],
  [
    'FastAPI',
    `data: ${JSON.stringify({ detail: WHY })}`,
    { error: { message: NOTHING, type: 'server_error', param: null, code: null } },
  ],
  [
    'a server that names the event and no type',
    `event: error\ndata: ${JSON.stringify({ code: 'bad_role', status: 400, message: WHY })}`,
    { error: { message: SHOWN, type: 'invalid_request_error', param: null, code: 'bad_role' } },
  ],
  [
    'a server that names the event and writes text',
    `event: error\ndata: ${WHY}`,
    { error: { message: NOTHING, type: 'server_error', param: null, code: null } },
  ],
];

describe('an error in the middle of a stream', () => {
  test.each(SHAPES)(
    'of %s is shown as far as others are, and whole to the operator',
    (...shape) => {
      const [, sent, data] = shape;
      for (const end of ['\n\n', '\r\n\r\n']) {
        const { shown, reports } = show(
          `: alive${end}${sent.replaceAll('\n', end.slice(end.length / 2))}${end}`,
        );
        expect(shown).not.toMatch(/10\.1\.2\.3|srv|abcd/);
        expect(JSON.parse(/\{.*\}/.exec(shown)![0])).toEqual(data);
        expect(shown.endsWith(end)).toBe(true);
        expect(reports).toEqual([expect.stringContaining('10.1.2.3')]);
      }
    },
  );

  test('is known by the name of its event also when its data comes later', () => {
    const lines = streamErrors(server, () => {});
    expect(lines('event: error\n')).toBe('event: error\n');
    expect(lines(`data: ${WHY}\n`)).not.toContain('10.1.2.3');
    expect(lines(`\ndata: {"content":"${WHY}"}\n`)).toContain('10.1.2.3');
  });

  test.each([
    `data: ${JSON.stringify({ choices: [{ delta: { content: `{"error": "${WHY}"}` } }] })}\n\n`,
    'data: {"type":"response.created","response":{"id":"resp_1","error": null}}\n\n',
    'data: {"type":"response.output_item.done","item":{"type":"mcp_call","error":"no such page"}}\n\n',
    'data: {"choices":[{"delta":{"content":"an error, in detail: é"}}]}\r\n\r\ndata: [DONE]\r\n\r\n',
  ])('is not %s', (lines) => {
    expect(show(lines)).toEqual({ shown: lines, reports: [] });
  });
});
