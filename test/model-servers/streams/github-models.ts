import type { Row } from '../row.ts';
import { asksNewest, body, chunksOf, GROWN, narrow, sse, text } from '../row.ts';

const chunk = chunksOf({
  id: 'chatcmpl-gh',
  object: 'chat.completion.chunk',
  created: 1_740_000_000,
  model: 'gpt-4o-mini',
  system_fingerprint: 'fp',
});
const failure = (code: number, reason: string, message: string, headers = {}) =>
  body(code, { error: { code: reason, message, details: message } }, headers);

export const gitHubModels: Row[] = [
  {
    name: 'skips a first chunk of filter results',
    replies: sse(
      { choices: [], created: 0, id: '', model: '', object: '', prompt_filter_results: [] },
      chunk({ role: 'assistant', content: '', refusal: null }),
      chunk({ content: 'Hello' }),
      chunk({}, 'stop'),
    ),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'shortens a long thread after tokens_limit_reached',
    source: 'docs',
    turns: GROWN,
    replies: narrow(failure(413, 'tokens_limit_reached', 'Request body too large for gpt-4o model. Max size: 4096 tokens.')),
    expect: { text: 'ok', requests: [2, 4], sent: asksNewest },
  },
  {
    name: 'tries a wrong token once',
    replies: failure(401, 'unauthorized', 'Bad credentials'),
    expect: { status: 'failed', code: 'server_error', requests: 1 },
  },
  {
    name: 'lets the run expire when it would before retry-after',
    source: 'docs',
    run: { expires_after: 2 },
    replies: failure(
      429,
      'RateLimitReached',
      'Rate limit of 50 per 86400s exceeded for UserByModelByDay. Please wait 41230 seconds before retrying.',
      { 'retry-after': '41230' },
    ),
    expect: { status: 'expired', requests: 1 },
  },
  {
    name: 'tries once when the model is unknown',
    replies: failure(400, 'unknown_model', 'Unknown model: gpt-9'),
    expect: { status: 'failed', error: /Unknown model/, requests: 1 },
  },
  {
    name: 'waits for a date when retry-after has one',
    replies: (_, n) =>
      n === 0
        ? failure(429, 'RateLimitReached', 'Rate limit of 10 per 60s exceeded.', {
            'retry-after': new Date(Date.now() + 1_500).toUTCString(),
          })
        : text('Hello'),
    expect: { text: 'Hello', requests: 2 },
  },
];
