/** A model server's refusal, passed back as far as a tenant may read it. The log has the rest. */
import type { Response } from 'express';
import type { Dispatcher } from 'undici';

import { shownError, withoutKeys } from '../../wire/errors/foreign-errors.ts';
import { jsonOr } from '../../wire/text.ts';
import type { ApiContext } from '../context.ts';
import { passHeaders } from './pass-headers.ts';

const PASSED = /^(retry-after(-ms)?|x-should-retry|x-ratelimit-[\w-]+)$/;

/** Of the body, in bytes; and of its text in the log, in characters. */
const READ = 65_536;
const LOGGED = 500;

export async function sendRefusal(
  { log }: ApiContext,
  response: Response,
  { statusCode: status, headers, body }: Dispatcher.ResponseData,
  server: { baseUrl: string; apiKey: string },
): Promise<void> {
  const text = await beginningOf(body as AsyncIterable<Uint8Array>);
  logRefusal(log, response, { status, text, server });
  passHeaders(response, headers, PASSED);
  response.status(status).json(shownError({ status, body: jsonOr(text, text), server }));
}

type Refused = { status: number; text: string; server: { baseUrl: string; apiKey: string } };

/** For the operator: with addresses, without keys. */
export function logRefusal(
  log: ApiContext['log'],
  response: Response,
  { status, text, server }: Refused,
): void {
  const reason = withoutKeys(text, server.apiKey).slice(0, LOGGED);
  const { origin } = new URL(server.baseUrl);
  const fields = { request_id: response.get('x-request-id'), server: origin, status, reason };
  log.warn(fields, 'The model server refused a request');
}

async function beginningOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    if (bytes >= READ) break; // which ends the request
  }
  return Buffer.concat(chunks).toString('utf8', 0, READ);
}
