/**
 * Errors of model servers, as far as a tenant may read them: the server's own sentence about the request, without keys, and
 * without what says where the server is. The operator's log has the sentence with its addresses. Pure.
 */
import { z } from 'zod';

import type { ApiErrorBody } from './errors.ts';

const REMOVED = '***';

/** In UTF-16 units: the expressions below take a time that grows faster than the text. */
const LONGEST_PAGE = 8_000;
const LONGEST_REASON = 2_000;

/** Keys of an object under which servers put their reason, the most telling first. */
const REASON_KEYS = [
  'error',
  'detail',
  'message',
  'msg',
  'errors',
  'base_resp',
  'status_msg',
  'error_msg',
  'title',
  'choices',
];

/** The sentence in an error's body of any known shape, or ''. */
export function reasonOf(body: unknown): string {
  if (typeof body === 'string') return plainText(body);
  if (Array.isArray(body)) return body.map(reasonOf).filter(Boolean).join('; ');
  if (typeof body !== 'object' || body === null) return '';
  const fields = fieldsOf(body);
  if (typeof fields['msg'] === 'string' && Array.isArray(fields['loc'])) {
    return `${fields['loc'].join('.')}: ${fields['msg']}`;
  }
  const found = REASON_KEYS.map((key) => reasonOf(fields[key])).find((text) => text !== '') ?? '';
  const { raw = '' } = fieldsOf(fields['metadata']);
  return typeof raw !== 'string' || found.includes(raw) ? found : `${found}: ${raw}`;
}

/** Of an object; none of anything else. */
export function fieldsOf(value: unknown): Record<string, unknown> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>) : {};
}

/** A page of HTML is told by its words. */
function plainText(text: string): string {
  return text
    .slice(0, LONGEST_PAGE)
    .replace(/<(script|style)[^]*?<\/\1>|<[^<>]{1,500}>/gi, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Without keys, whole or in the shape that services give them: for the log. */
export function withoutKeys(text: string, apiKey: string): string {
  const cut = text.slice(0, LONGEST_REASON);
  const known = apiKey.length >= 8 ? cut.replaceAll(apiKey, REMOVED) : cut;
  return known
    .replace(/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${REMOVED}`)
    .replace(/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, REMOVED)
    .replace(
      /\b((?:[\w-]+[-_])?(?:api[-_]?key|token|secret|password))(["']?\s*[:=]\s*["']?)[^\s"',;&]{6,}/gi,
      `$1$2${REMOVED}`,
    )
    .replace(/\b(sk|pk|key|xai|gsk|hf|AIza|AKIA)[-_]?[\w*-]{12,}/g, REMOVED);
}

const URLS = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>)\]}]+/gi;
const IPV4 = /(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.])/g;
const ipv6 = z.ipv6();
const IPV6 = /(?<![\w:])\[?[0-9a-f:]*:[0-9a-f:.]+\]?(?::\d+)?/gi;
/** `gateway:8000`, `db.example.com:443`, and names that only an inner network has. */
const HOSTS =
  /(?<![\w.-])(?:[a-z][\w-]*:\d{4,5}|[\w-]+(?:\.[\w-]+)+:\d{2,5}|(?:[\w-]+\.)+(?:internal|local|localdomain|lan|corp|intra|cluster|svc|consul)(?:\.[\w-]+)*)\b/gi;
/** Absolute paths, but not those of the API. */
const PATHS = /(?<![\w/.#<])(?!\/v1\/)(?:~|[a-z]:)?(?:[/\\][\w.@+-]+){2,}[/\\]?/gi;

/** Without addresses and paths. `baseUrl` is the server's. */
export function withoutPlaces(text: string, baseUrl?: string): string {
  const named = text.replace(URLS, REMOVED);
  return (baseUrl === undefined ? named : named.replace(namesOf(baseUrl), REMOVED))
    .replace(IPV4, REMOVED)
    .replace(IPV6, (found) =>
      ipv6.safeParse(found.replace(/^\[|\].*$/g, '')).success ? REMOVED : found,
    )
    .replace(HOSTS, REMOVED)
    .replace(PATHS, REMOVED);
}

/** The server's host, and every other name of its domain. */
function namesOf(baseUrl: string): RegExp {
  const { hostname } = new URL(baseUrl);
  const domain = /[a-z]$/i.test(hostname) ? hostname.split('.').slice(-2).join('.') : hostname;
  const literal = domain.replaceAll(/[^\w-]/g, String.raw`\$&`);
  return new RegExp(String.raw`(?<![\w-])(?:[\w-]+\.)*${literal}(?![\w-])(?::\d+)?`, 'gi');
}

/** The status is undefined for an error inside a stream that names none. */
type Refusal = {
  status: number | undefined;
  body?: unknown;
  server: { baseUrl: string; apiKey: string };
};

/** The error in the API's envelope; of a server's own faults only that there was one. */
export function shownError({ status, body, server }: Refusal): ApiErrorBody {
  const what = status === undefined ? 'reported an error' : `answered ${status}`;
  const nothing = { message: `The model server ${what}.`, param: null, code: null };
  if (status === undefined || status >= 500) return { error: { ...nothing, type: 'server_error' } };
  const { type, param, code } = fieldsOf(fieldsOf(body)['error']);
  const reason = withoutPlaces(withoutKeys(reasonOf(body), server.apiKey), server.baseUrl);
  const shown = {
    type: word(type) ?? 'invalid_request_error',
    param: word(param),
    code: word(code),
  };
  return { error: { ...nothing, ...shown, ...(reason !== '' && { message: reason }) } };
}

function word(value: unknown): string | null {
  return typeof value === 'string' && /^[\w.[\]-]{1,100}$/.test(value) ? value : null;
}
