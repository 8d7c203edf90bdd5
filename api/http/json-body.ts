/** Bodies of everything that is not a form: JSON, whatever their declared type, compressed or not, in any charset. */
import { setImmediate as nextTurn } from 'node:timers/promises';

import express from 'express';
import type { Request, RequestHandler } from 'express';

import {
  bodyTooLarge,
  malformedJson,
  unreadableBody,
  unsupportedCharset,
  unsupportedEncoding,
} from '../../wire/errors/http-errors.ts';
import { checkJsonText } from '../../wire/requests/json-text.ts';

const ENCODINGS = ['gzip', 'deflate', 'br', 'zstd', 'identity'];

/** In bytes. Of longer bodies each step of reading has a turn of the event loop for itself. */
export const LONG_BODY = 128 * 1024;

/** Parses what `readBytes` has read. @throws ApiError 400, 415 */
export function readJson(limit: number): RequestHandler[] {
  return [readBytes(limit), parse];
}

/** `limit` in bytes, of the body as it is after decompression. @throws ApiError 400, 413, 415 */
export function readBytes(limit: number): RequestHandler {
  const read = express.raw({ limit, type: () => true });
  return (request, response, next) =>
    read(request, response, (error?: unknown) =>
      next(error === undefined ? undefined : toApiError(error, request, limit)),
    );
}

function toApiError(error: unknown, request: Request, limit: number): unknown {
  const { type, status } = error as { type?: string; status?: number };
  if (type === 'entity.too.large') return bodyTooLarge(limit);
  if (type === 'encoding.unsupported') {
    return unsupportedEncoding(request.get('content-encoding') ?? '', ENCODINGS);
  }
  return status === 400 ? unreadableBody() : error;
}

/** An empty body is an empty object. */
const parse: RequestHandler = async (request, response, next) => {
  if (Buffer.isBuffer(request.body)) {
    response.locals.isLongBody = request.body.length > LONG_BODY;
    const turn = () => (response.locals.isLongBody ? nextTurn() : undefined);
    const text = decode(request);
    await turn();
    checkJsonText(text);
    await turn();
    request.body = text === '' ? {} : parseText(text);
    await turn();
  }
  next();
};

/** Bytes that are not of the charset are refused: what would stand in their place is not what the client meant. @throws ApiError 400, 415 */
export function decode(request: Request): string {
  const bytes = request.body as Buffer;
  const contentType = request.get('content-type') ?? '';
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch (error) {
    throw error instanceof RangeError ? unsupportedCharset(charset) : malformedJson();
  }
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformedJson();
  }
}
