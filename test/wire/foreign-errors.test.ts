import { describe, expect, test } from 'vitest';

import { shownError, withoutKeys, withoutPlaces } from '../../wire/errors/foreign-errors.ts';

const server = {
  baseUrl: 'https://llm-7.acme-intra.example/internal/v1',
  apiKey: 'abcd-efgh-1234',
};

/** What a gateway or a framework says of itself, and what must not be in what is left. */
const HOSTILE: [text: string, hidden: string[]][] = [
  ['Invalid URL: https://10.1.2.3:8000/internal/v1/chat', ['10.1.2.3', '8000', 'internal']],
  ['connect ECONNREFUSED 10.0.0.5:11434', ['10.0.0.5', '11434']],
  ['connect ECONNREFUSED ::1:8080 and [fe80::1ff:fe23:4567:890a]:443', ['fe80', '::1']],
  ['getaddrinfo ENOTFOUND vllm.models.svc.cluster.local', ['vllm', 'svc', 'cluster.local']],
  ['upstream llm-gateway:8000 refused', ['llm-gateway', '8000']],
  ['no route to db.acme-intra.example or LLM-7.acme-intra.example:443', ['acme', 'llm-7', 'LLM-7']],
  [
    'File "/opt/vllm/venv/lib/python3.12/site-packages/engine.py", line 12',
    ['/opt', 'vllm/', '.py'],
  ],
  ['The model /mnt/models/llama-3 is not loaded', ['/mnt', 'models/llama']],
  [String.raw`cannot open C:\models\llama.gguf`, ['C:', 'gguf']],
  ['see ~/secrets/key.pem', ['secrets']],
  ['Incorrect API key provided: abcd-efgh-1234', ['abcd-efgh-1234']],
  ['bad header Authorization: Bearer abc.def/ghi+jkl==', ['abc.def']],
  ['token eyJhbGciOi.eyJzdWIiOiIx.c2lnbmF0dXJl is expired', ['eyJ']],
  ['env OPENAI_API_KEY="qwertyuiop" and password=hunter2secret', ['qwertyuiop', 'hunter2']],
  ['postgres://user:pass@db/litellm failed', ['user', 'pass@', 'litellm']],
  ['key sk-proj-abcdefghijklmnop, AKIAABCDEFGHIJKLMNOP', ['abcdefghijkl', 'AKIAABC']],
];

describe('what tenants may read of a server’s error', () => {
  test.each(HOSTILE)('hides places and keys of %s', (text, hidden) => {
    for (const body of [
      { error: { message: text } },
      { detail: [{ msg: text }] },
      `<p>${text}</p>`,
    ]) {
      const shown = JSON.stringify(shownError({ status: 400, body, server }));
      for (const part of hidden) expect(shown).not.toContain(part);
      expect(shown).toContain('***');
    }
  });

  test.each([
    "Invalid 'messages[0].content': expected a string, but got null instead.",
    'messages.0.content.1.type: Field required',
    'This model has a context of 8192 tokens; 9000 were asked (8000 in the messages, 1000 to write).',
    'The model `meta-llama/Llama-3.1-8B-Instruct` does not exist.',
    'Invalid URL (POST /v1/chat/completions)',
    'temperature must be between 0.0 and 2.0 and/or top_p 1.0, status code: 400, ratio 16:9',
    'std::bad_alloc; version 0.6.3.post1',
    'image/png is not one of image/jpeg, application/json',
  ])('leaves %s', (text) => {
    expect(withoutPlaces(withoutKeys(text, server.apiKey), server.baseUrl)).toBe(text);
  });

  test('is the envelope with the words of the server, and nothing else of its body', () => {
    const error = {
      message: 'Slow down.',
      type: 'requests',
      param: null,
      code: 'rate_limit_exceeded',
    };
    const body = { error: { ...error, trace: '/srv/app.py' }, host: 'node-3' };
    expect(shownError({ status: 429, body, server })).toEqual({ error });
    const odd = { error: { message: 'No.', type: 'https://x.example', param: {}, code: 400 } };
    expect(shownError({ status: 400, body: odd, server })).toEqual({
      error: { message: 'No.', type: 'invalid_request_error', param: null, code: null },
    });
  });

  test('is only that there was an error when the fault is the server’s, or it says nothing', () => {
    const body = { error: { message: 'Traceback …', type: 'x', code: 'y' } };
    expect(shownError({ status: 503, body, server })).toEqual({
      error: {
        message: 'The model server answered 503.',
        type: 'server_error',
        param: null,
        code: null,
      },
    });
    for (const empty of ['', {}, null, [], '<html></html>']) {
      expect(shownError({ status: 404, body: empty, server }).error.message).toBe(
        'The model server answered 404.',
      );
    }
  });

  test('is the beginning of a long text, which is cut before it is searched', () => {
    for (const part of ['a.', '/a', ':', 'x-', '<script']) {
      const message = part.repeat(32_000);
      const { error } = shownError({ status: 400, body: { error: { message } }, server });
      expect(error.message.length).toBeLessThanOrEqual(2_000);
    }
  });
});
