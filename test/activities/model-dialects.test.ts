/** What model servers write, as tables: thoughts, finish words, errors, refusals that teach. */
import { describe, expect, test } from 'vitest';

import { AnswerText } from '../../activities/model/answer/answer-text.ts';
import type { ChatRequest } from '../../activities/model/request/build-request.ts';
import { readWindow } from '../../activities/model/context-window.ts';
import { readContent } from '../../activities/model/answer/delta-content.ts';
import { learn, readMaxCompletion, readTooLong } from '../../activities/model/learn.ts';
import { finishOf } from '../../activities/model/answer/map-finish-reason.ts';
import { ModelServerError } from '../../activities/model/server-error.ts';
import { DEFAULT_PROFILE } from '../../config/models-file.ts';

describe('text', () => {
  const shown = (text: string, thinking: 'strip' | 'keep' = 'strip') => {
    const reader = new AnswerText(thinking);
    return (
      Array.from(text)
        .map((character) => reader.push(character))
        .join('') + reader.end(true)
    );
  };

  test.each([
    ['<think>hm</think>\n\nHello', 'Hello'],
    ['\n<thinking>a</thinking><think>b</think> Hello', 'Hello'],
    ['Hello <think>tags</think>', 'Hello <think>tags</think>'],
    ['<thin air>', '<thin air>'],
    ['\n\nHello', '\n\nHello'],
    ['\n\n', ''],
    ['<think>never closed', 'never closed'],
    ['🎉', '🎉'],
  ])('%j shows %j', (text, expected) => {
    expect(shown(text)).toBe(expected);
  });

  test('shows a thought when it is to be kept', () => {
    expect(shown('<think>hm</think>Hello', 'keep')).toBe('<think>hm</think>Hello');
  });

  test.each([
    [
      [
        { type: 'thinking', thinking: [] },
        { type: 'text', text: 'a' },
      ],
      { text: 'a', refusal: '' },
    ],
    [[{ type: 'refusal', refusal: 'no' }], { text: '', refusal: 'no' }],
    [[{ type: 'text', text: { value: 'a' } }, 'b'], { text: 'ab', refusal: '' }],
    [null, { text: '', refusal: '' }],
    [7, { text: '7', refusal: '' }],
  ])('reads the content %j', (content, expected) => {
    expect(readContent(content, undefined)).toEqual(expected);
  });
});

test.each([
  ['stop', 'stop'],
  ['end_turn', 'stop'],
  ['tool_calls', 'stop'],
  ['our_own_word', 'stop'],
  ['MAX_TOKENS', 'length'],
  ['model_length', 'length'],
  ['context_window_exceeded', 'length'],
  ['SAFETY', 'filter'],
  ['guardrail_intervened', 'filter'],
  ['error', 'error'],
  ['insufficient_system_resource', 'error'],
  ['engine_timeout', 'error'],
])('the finish reason %s means %s', (word, finish) => {
  expect(finishOf(word)).toBe(finish);
});

describe('errors', () => {
  const error = (status: number | undefined, body: unknown, headers = new Headers()) =>
    new ModelServerError({ status, url: 'http://model', body, headers, apiKey: 'secret-key-1' });

  test.each<[unknown, string]>([
    [{ error: { message: 'm', type: 't' } }, 'm'],
    [{ error: 'm' }, 'm'],
    [[{ error: { message: 'm' } }], 'm'],
    [{ detail: [{ loc: ['body', 'x'], msg: 'm' }] }, 'body.x: m'],
    [{ object: 'error', message: { detail: [{ loc: ['body'], msg: 'm' }] } }, 'body: m'],
    [{ error: { message: 'm', metadata: { raw: 'behind' } } }, 'm: behind'],
    [{ base_resp: { status_code: 1, status_msg: 'm' } }, 'm'],
    [{ errors: [{ message: 'm' }, { message: 'n' }] }, 'm; n'],
    ['<html><title>Bad</title><script>x</script><p>gateway</p></html>', 'Bad gateway'],
    [
      { error: { message: 'key secret-key-1 and sk-abcdefghijklmnop are wrong' } },
      'key *** and *** are wrong',
    ],
    ['', ''],
  ])('the reason of %j is %j', (body, reason) => {
    expect(error(400, body).reason).toBe(reason);
  });

  test.each<[number | undefined, unknown, boolean]>([
    [500, '', true],
    [503, '', true],
    [429, { error: { message: 'slow down' } }, true],
    [501, '', false],
    [400, '', false],
    [429, { error: { message: 'm', code: 'insufficient_quota' } }, false],
    [402, { error: { message: 'Insufficient Balance' } }, false],
    [undefined, { error: { message: 'm' } }, true],
    [undefined, { error: { message: 'm', code: 503 } }, true],
    [undefined, { error: { message: 'm', code: 400 } }, false],
    [undefined, { error: { message: 'm', type: 'invalid_request_error' } }, false],
  ])('%s %j can pass by itself: %s', (status, body, transient) => {
    expect(error(status, body).transient).toBe(transient);
  });

  test.each<[number, unknown]>([
    [429, { error: { message: 'm', type: 'insufficient_quota', code: 'insufficient_quota' } }],
    [402, { error: { message: 'Insufficient Balance', type: 'unknown_error' } }],
    [402, { error: { message: 'This request requires more credits', code: 402 } }],
    [403, { error: { message: 'Key limit exceeded (total limit).', code: 403 } }],
    [400, { error: { message: 'Budget has been exceeded! Current cost: 2, Max budget: 1' } }],
    [400, { error: { message: 'ExceededBudget: User=a over budget. Spend=2, Budget=1' } }],
    [429, { error: { message: 'm', type: 'budget_exceeded', code: '429' } }],
    [400, { error: { message: 'Your credit balance is too low to access the API.' } }],
    [429, { error: 'Your team has either used all available credits or reached its limit.' }],
    [412, { error: { message: 'Account is suspended, reaching the monthly spending limit' } }],
    [403, { message: 'Sorry, your account balance is insufficient' }],
  ])('%s %j says that money is spent', (status, body) => {
    expect(error(status, body).outOfQuota).toBe(true);
  });

  test.each<[number, unknown, Record<string, string>]>([
    [429, { error: { message: 'Rate limit reached for m', code: 'rate_limit_exceeded' } }, {}],
    [429, { error: { message: 'You exceeded your current quota' } }, { 'retry-after': '7' }],
    [429, { error: { message: 'exceeded the token rate limit', code: '429' } }, {}],
    [429, { message: 'Service tier capacity exceeded for this model.', code: '3505' }, {}],
    [400, { error: { message: 'insufficient_system_resource' } }, {}],
  ])('%s %j is no sign that money is spent', (status, body, headers) => {
    expect(error(status, body, new Headers(headers)).outOfQuota).toBe(false);
  });

  test('a wait is read from headers and bodies', () => {
    expect(error(429, '', new Headers({ 'retry-after': '2' })).retryAfterMs).toBe(2_000);
    expect(error(429, '', new Headers({ 'retry-after-ms': '7' })).retryAfterMs).toBe(7);
    const details = [{ retryDelay: '1.5s' }];
    expect(error(429, { error: { details } }).retryAfterMs).toBe(1_500);
  });
});

describe('refusals', () => {
  const request = {
    model: 'm',
    messages: [
      { role: 'system', content: 's' },
      { role: 'user', content: 'a' },
      { role: 'user', content: 'b' },
      { role: 'assistant', content: null, tool_calls: [] },
    ],
    max_completion_tokens: 9,
    temperature: 0.5,
    top_p: 0.5,
    stream_options: { include_usage: true },
    stream: true,
  } as unknown as ChatRequest;

  test.each([
    ["Unsupported parameter: 'max_completion_tokens'", { limit_field: 'max_tokens' }],
    ['body.stream_options: Extra inputs are not permitted', { omit: ['stream_options'] }],
    [
      "'temperature' does not support 0.5. Only the default (1) is allowed.",
      { omit: ['temperature'] },
    ],
    ['`temperature` and `top_p` cannot both be specified', { omit: ['top_p'] }],
    ['Conversation roles must alternate user/assistant', { merge_roles: true }],
    ['System role not supported', { system_role: 'user' }],
    ['messages.3.content: Input should be a valid string', { empty_content: 'empty' }],
  ])('%s', (text, change) => {
    expect(learn(DEFAULT_PROFILE, request, text)?.profile).toEqual({
      ...DEFAULT_PROFILE,
      ...change,
    });
  });

  test.each([
    'temperature: must be less than or equal to 0.3',
    'reasoning_content is missing, param: null',
    'Expected last role User or Tool but got assistant',
    'The model is overloaded',
  ])('%s teaches nothing of these messages', (text) => {
    const alternating = { ...request, messages: request.messages.filter((_, at) => at !== 2) };
    expect(learn(DEFAULT_PROFILE, alternating, text)).toBeUndefined();
  });

  test.each([
    [
      "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (8500 in the messages)",
      { window: 8192, prompt: 9000 },
    ],
    [
      'exceed_context_size_error "n_prompt_tokens":4096,"n_ctx":2048 exceeds the context size',
      { window: 2048, prompt: 4096 },
    ],
    [
      'litellm.ContextWindowExceededError: OpenAIException - request (2092 tokens) exceeds the available context size (1024 tokens)',
      { window: 1024, prompt: 2092 },
    ],
    ['prompt is too long: 210000 tokens > 200000 maximum', { window: 200000, prompt: 210000 }],
    ['Please reduce the length of the messages', {}],
    ['There is no such model', undefined],
  ])('%s', (text, expected) => {
    expect(readTooLong(text)).toEqual(expected);
  });

  test('tell the longest answer', () => {
    expect(readMaxCompletion('This model supports at most 16384 completion tokens')).toBe(16_384);
    expect(readMaxCompletion('max_tokens must be less than or equal to 4096')).toBe(4_096);
    expect(readMaxCompletion('no number')).toBeUndefined();
  });
});

test.each([
  [{ id: 'm', max_model_len: 4096 }, 4096],
  [{ id: 'm', loaded_context_length: 2048, max_context_length: 9999 }, 2048],
  [{ id: 'm', meta: { n_ctx: 512 } }, 512],
  [{ id: 'm', top_provider: { context_length: 1024 } }, 1024],
  [{ id: 'another', context_length: 777 }, 777],
  [{ id: 'm' }, undefined],
])('the window of %j is %s', (entry, window) => {
  expect(readWindow({ data: [entry] }, 'm')).toBe(window);
});
