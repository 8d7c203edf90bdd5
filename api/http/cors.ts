/** CORS for browsers, off unless CORS_ORIGINS names who may ask. A key is never a cookie, so no credentials are allowed. */
import cors from 'cors';
import type { RequestHandler } from 'express';

const EXPOSED = [
  'x-request-id',
  'openai-version',
  'openai-processing-ms',
  'openai-poll-after-ms',
  'content-disposition',
  'content-range',
  'etag',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  ...['limit', 'remaining', 'reset'].flatMap((what) => [
    `x-ratelimit-${what}-requests`,
    `x-ratelimit-${what}-tokens`,
  ]),
];
/** The longest that browsers keep the answer to a preflight. */
const MAX_AGE_SECONDS = 7_200;

/** Answers preflights, which have no key, and marks every other answer, errors too. Clients may send any header. */
export function crossOrigin(origins: readonly string[]): RequestHandler[] {
  if (origins.length === 0) return [];
  return [
    cors({
      origin: origins.includes('*') ? '*' : [...origins],
      methods: ['GET', 'HEAD', 'POST', 'DELETE'],
      exposedHeaders: EXPOSED,
      maxAge: MAX_AGE_SECONDS,
    }),
  ];
}
