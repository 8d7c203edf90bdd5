/** Reads the Idempotency-Key header. The fingerprint covers the whole path and the body, so a key is one request. */
import type { Request, Response } from 'express';

import type { IdempotentRequest } from '../db/idempotency.ts';
import { idempotencyKeyInvalid } from '../wire/errors.ts';
import { timeOfId } from '../wire/ids.ts';

const LEGAL_KEY = /^[\x20-\x7e]{1,255}$/;

/** `body` where it is not the request's JSON. @throws ApiError 400 for a key that is not 1 to 255 printable characters */
export function idempotencyOf(
  request: Request,
  response: Response,
  body: unknown = request.body,
): IdempotentRequest | undefined {
  const key = request.get('idempotency-key');
  if (key === undefined) return undefined;
  if (!LEGAL_KEY.test(key)) throw idempotencyKeyInvalid();
  // `request.path` is what the routers have left of it; Azure's paths have become ours.
  const path = request.baseUrl + request.path;
  const fingerprintOf = (of: string) => JSON.stringify([request.method, of, body ?? null]);
  return {
    projectId: projectOf(response),
    key,
    fingerprint: fingerprintOf(path),
    former: {
      fingerprint: fingerprintOf(request.path),
      ids: path.split('/').filter((part) => timeOfId(part) !== undefined),
    },
  };
}

/** The caller's project, set by the authentication. */
export function projectOf(response: Response): string {
  return response.locals.projectId as string;
}
