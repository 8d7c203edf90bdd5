/** One request passed on to a model server, and its answer passed back while it arrives, at the pace of the client. */
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';

import type { Request, Response } from 'express';
import type { Dispatcher } from 'undici';

import { ApiError } from '../../wire/errors/errors.ts';
import { modelServerFailed } from '../../wire/errors/http-errors.ts';
import type { ReportAnswer } from '../../telemetry/model-span.ts';
import { traceHeaders } from '../../telemetry/trace.ts';
import { streamErrors } from '../../wire/errors/stream-errors.ts';
import type { ApiContext } from '../context.ts';
import { passHeaders } from './pass-headers.ts';
import { logRefusal, sendRefusal } from './refusal.ts';
import { shownStream } from './shown-stream.ts';

export type ModelServer = { baseUrl: string; apiKey: string };

/** What all requests to model servers share. */
export type Link = { context: ApiContext; dispatcher: Dispatcher };

export type Passage = {
  server: ModelServer;
  /** Those of the body. */
  headers: Record<string, string>;
  body: Buffer | AsyncIterable<Uint8Array> | null;
  /** Asked for once the server has accepted the request. */
  tap?: (contentType: string) => Tap;
  report?: ReportAnswer;
};

/** Looks at every piece of an answer before it is passed on, and learns when the answer has ended or was cut. */
export type Tap = { read(chunk: Uint8Array): Promise<void>; end(): Promise<void> };

/** Of the answer. The rest says who the server is, or is for this server to say. */
const PASSED =
  /^(content-(type|length|encoding|language|disposition)|retry-after(-ms)?|x-should-retry|x-ratelimit-[\w-]+)$/;

/** The request goes to the same path there. @throws ApiError 502, and those of the body */
export async function passOn(
  link: Link,
  request: Request,
  response: Response,
  passage: Passage,
): Promise<void> {
  const left = new AbortController();
  response.once('close', () => left.abort());
  const signal = AbortSignal.any([left.signal, link.context.stopping]);
  try {
    const answer = await ask(link.dispatcher, request, passage, signal);
    const { statusCode, headers } = answer;
    passage.report?.({ status: statusCode });
    if (statusCode >= 400) {
      return await sendRefusal(link.context, response, answer, passage.server);
    }
    const tap = statusCode < 300 ? passage.tap?.(String(headers['content-type'])) : undefined;
    try {
      sendHead(response, statusCode, headers);
      for await (const chunk of shownBody(link, response, answer, passage)) {
        await tap?.read(chunk);
        if (!response.write(chunk)) await once(response, 'drain', { signal });
      }
    } finally {
      await tap?.end();
    }
    response.end();
  } catch (error) {
    // The client has left or the process ends: there is nothing to answer.
    if (!signal.aborted) throw error;
    response.destroy();
  }
}

function shownBody(
  { context }: Link,
  response: Response,
  { statusCode: status, headers, body }: Dispatcher.ResponseData,
  { server }: Passage,
): AsyncIterable<Uint8Array> {
  if (!isEventStream(String(headers['content-type']))) return body as AsyncIterable<Uint8Array>;
  const report = (text: string) => logRefusal(context.log, response, { status, text, server });
  return shownStream(body, streamErrors(server, report));
}

/** Of what the caller sent only this much: its key opens this server, and the rest is for this server to read. */
async function ask(
  dispatcher: Dispatcher,
  request: Request,
  { server, headers, body }: Passage,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  const url = new URL(server.baseUrl + request.url);
  url.searchParams.delete('api-version');
  const { accept, 'openai-beta': beta } = request.headers;
  const answer = await dispatcher
    .request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: request.method as Dispatcher.HttpMethod,
      headers: {
        ...headers,
        ...traceHeaders(),
        authorization: `Bearer ${server.apiKey}`,
        'accept-encoding': 'identity',
        'user-agent': 'threadmill',
        'x-request-id': request.res?.get('x-request-id'),
        ...(accept !== undefined && { accept }),
        ...(beta !== undefined && { 'openai-beta': String(beta) }),
      },
      body: body as Buffer | null,
      signal,
    })
    .catch((cause: unknown) => {
      throw cause instanceof ApiError ? cause : failureOf(cause);
    });
  const refused = refusalOf(answer.statusCode);
  if (refused === undefined) return answer;
  await answer.body.dump();
  const cause = new Error(`${url.origin} answered ${answer.statusCode}`);
  throw modelServerFailed(`The model server ${refused}.`, cause);
}

/** What is not the caller's matter. Redirects are not followed: they would carry the key elsewhere. */
function refusalOf(status: number): string | undefined {
  if (status === 401) return 'does not accept the key of this server';
  return status >= 300 && status < 400 ? 'answered with a redirect' : undefined;
}

function failureOf(cause: unknown): ApiError {
  const late = (cause as { code?: unknown }).code === 'UND_ERR_HEADERS_TIMEOUT';
  const what = late ? 'did not answer in time' : 'cannot be reached';
  return modelServerFailed(`The model server ${what}. Please try again.`, cause);
}

function sendHead(response: Response, status: number, headers: IncomingHttpHeaders): void {
  response.status(status);
  passHeaders(response, headers, PASSED);
  if (!isEventStream(headers['content-type'])) return;
  // An error in it may become shorter.
  response.removeHeader('content-length');
  response.set({ 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' });
  response.flushHeaders();
}

/** Of a content type. */
export function isEventStream(contentType = ''): boolean {
  return contentType.startsWith('text/event-stream');
}
