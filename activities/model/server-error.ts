/** The error that a model server sent in place of an answer: its shapes, and whether another try can help. Pure. */
import { parseRetryAfter } from '../../retrieval/index.ts';
import { reasonOf, withoutKeys } from '../../wire/errors/foreign-errors.ts';
import { storable } from '../../wire/text.ts';
import { isObject } from './opaque-fields.ts';

/** Longest reason that is kept, in UTF-16 units. */
const MAX_REASON = 500;
const MAX_BODY = 8_000;
/** As long as a run may live: no server means a longer wait. */
const LONGEST_RETRY_MS = 30 * 86_400_000;

export type ServerAnswer = {
  /** HTTP status; for an error inside a stream the one that it names, if it does. */
  status: number | undefined;
  /** Without user, key and query. */
  url: string;
  /** The parsed JSON, else the text. */
  body: unknown;
  headers?: Headers | undefined;
  /** Must not appear in what is logged. */
  apiKey: string;
};

export class ModelServerError extends Error {
  override name = 'ModelServerError';
  readonly status: number | undefined;
  readonly url: string;
  /** For the operator. */
  readonly reason: string;
  /** For rules that look for fields and numbers. */
  readonly body: string;
  readonly code: string;
  readonly headers: Headers | undefined;

  constructor({ status, url, body, headers, apiKey }: ServerAnswer) {
    const reason = storable(withoutKeys(reasonOf(body), apiKey).slice(0, MAX_REASON));
    super(`The model server answered ${status ?? 'with an error'}: ${reason}`);
    this.status = status ?? statusOf(body);
    this.url = url;
    this.reason = reason;
    this.body = (typeof body === 'string' ? body : JSON.stringify(body)).slice(0, MAX_BODY);
    this.code = codeOf(body);
    this.headers = headers;
  }

  /** How long the server asks to wait, in ms: by a header, or as Gemini does in the body. */
  get retryAfterMs(): number | undefined {
    const inHeader = this.headers && parseRetryAfter(this.headers, LONGEST_RETRY_MS);
    if (inHeader) return inHeader;
    const inBody = /"retryDelay"\s*:\s*"([\d.]+)s"/.exec(this.body)?.[1];
    return inBody === undefined ? undefined : Number(inBody) * 1_000;
  }

  /** Until the limit that is used up has room again, in ms, where the server says only that. */
  get resetMs(): number | undefined {
    const waits = LIMIT_KINDS.flatMap((kind) => {
      const left = this.headers?.get(`x-ratelimit-remaining${kind}`);
      if (left !== null && Number(left) > 0) return [];
      return resetMsOf(this.headers?.get(`x-ratelimit-reset${kind}`) ?? '') ?? [];
    });
    return waits.length === 0 ? undefined : Math.min(LONGEST_RETRY_MS, Math.max(...waits));
  }

  /** There is no money left: waiting does not help. */
  get outOfQuota(): boolean {
    if (SPENT_CODES.test(this.code)) return true;
    if (this.retryAfterMs !== undefined) return false;
    return this.status === 402 || SPENT.test(`${this.code} ${this.reason}`);
  }

  /** The same request can succeed later. `x-should-retry` is the server's own word. */
  get transient(): boolean {
    const advice = this.headers?.get('x-should-retry');
    if (advice === 'true' || advice === 'false') return advice === 'true';
    if (this.outOfQuota || PERMANENT.test(this.code)) return false;
    const { status } = this;
    if (status === undefined) return true;
    return [408, 409, 425, 429].includes(status) || (status >= 500 && ![501, 505].includes(status));
  }
}

const SPENT_CODES = /insufficient_quota|budget_exceeded|billing_/i;

/** Sentences of services for an account, a key or a team whose money or limit is used up. */
const SPENT = new RegExp(
  [
    'exceeded.{0,9}current.quota',
    'insufficient.{0,3}(balance|credits|quota|funds)',
    // LiteLLM
    'budget has been exceeded|exceeded_?(token_?)?budget|exceeded budget',
    // Anthropic
    'credit balance is too low|specified api usage limits',
    // xAI, Fireworks, Groq, Google
    'used all available credits|spend(ing)? limit|credits are depleted',
    // OpenRouter, Mistral, Azure
    'key limit exceeded|usage limit reached|out of call volume quota',
    // SiliconFlow, Alibaba, Volcengine, Zhipu
    'balance is insufficient|arrearage|accountoverdue|余额不足',
  ].join('|'),
  'i',
);

const PERMANENT =
  /\b(invalid_|authentication|permission|not_found|model_not_found|context_length|unsupported|bad_request|validation)/i;

const LIMIT_KINDS = ['', '-requests', '-tokens'];
const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `6m0s` and `20ms` as OpenAI writes it; elsewhere seconds, or a time in seconds or ms of the epoch. */
function resetMsOf(value: string, now = Date.now()): number | undefined {
  if (/^\d+(\.\d+)?$/.test(value)) {
    const number = Number(value);
    const inMs =
      number > 1e12 ? number - now : number > 1e9 ? number * 1_000 - now : number * 1_000;
    return Math.max(0, inMs);
  }
  if (!/^([\d.]+(ms|[smhd]))+$/.test(value)) return undefined;
  const parts = [...value.matchAll(/([\d.]+)(ms|[smhd])/g)];
  return parts.reduce((sum, [, n, unit]) => sum + Number(n) * UNITS[unit as keyof typeof UNITS], 0);
}

function errorOf(body: unknown): Record<string, unknown> {
  const first: unknown = Array.isArray(body) ? body[0] : body;
  if (!isObject(first)) return {};
  if (Array.isArray(first['choices']) && !first['error']) return errorOf(first['choices']);
  return isObject(first['error']) ? first['error'] : first;
}

function codeOf(body: unknown): string {
  const { code, type, error_type: errorType } = errorOf(body);
  return [code, type, errorType]
    .filter((value) => typeof value === 'string' && value !== 'error')
    .join(' ');
}

/** Gateways put the status of the server behind them into the error. */
function statusOf(body: unknown): number | undefined {
  const { code, status, status_code: statusCode } = errorOf(body);
  return [code, status, statusCode]
    .map(Number)
    .find((value) => Number.isInteger(value) && value >= 400 && value < 600);
}

/** Whether what arrived in the place of a chunk is an error. */
export function isErrorBody(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(isErrorBody);
  if (!isObject(value)) return true;
  if (value['error'] || value['object'] === 'error' || value['type'] === 'error') return true;
  const choice: unknown = Array.isArray(value['choices']) ? value['choices'][0] : undefined;
  if (isObject(choice) && choice['error']) return true;
  const base = value['base_resp'];
  if (isObject(base) && Number(base['status_code']) > 0) return true;
  return (
    value['choices'] === undefined && ['detail', 'message', 'errors'].some((key) => value[key])
  );
}
