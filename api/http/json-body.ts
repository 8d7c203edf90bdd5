/** Bodies of everything that is not a form: JSON, whatever their declared type, compressed or not, in any charset. */
import express from 'express';
import type { Request, RequestHandler } from 'express';

import {
  bodyTooLarge,
  malformedJson,
  unreadableBody,
  unsupportedCharset,
  unsupportedEncoding,
} from '../../wire/http-errors.ts';

const ENCODINGS = ['gzip', 'deflate', 'br', 'zstd', 'identity'];

/** `limit` in bytes, of the body as it is after decompression. @throws ApiError 400, 413, 415 */
export function readJson(limit: number): RequestHandler[] {
  const readBytes = express.raw({ limit, type: () => true });
  return [
    (request, response, next) =>
      readBytes(request, response, (error?: unknown) =>
        next(error === undefined ? undefined : toApiError(error, request, limit)),
      ),
    parse,
  ];
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
const parse: RequestHandler = (request, _response, next) => {
  if (Buffer.isBuffer(request.body)) {
    const text = decode(request.body, request.get('content-type') ?? '');
    request.body = text === '' ? {} : parseText(text);
  }
  next();
};

function decode(bytes: Buffer, contentType: string): string {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    throw unsupportedCharset(charset);
  }
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformedJson();
  }
}
