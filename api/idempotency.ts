/** Reads the Idempotency-Key header. The fingerprint covers the operation, what its path names and the body. */
import type { Request } from 'express';

import type { IdempotentRequest } from '../db/core/idempotency.ts';
import { idempotencyKeyInvalid } from '../wire/errors/http-errors.ts';
import type { ProjectId } from '../wire/ids.ts';
import {
  toFile,
  toThread,
  toUpload,
  toUploadPart,
  toVectorStore,
  toVectorStoreFile,
  toVectorStoreFileBatch,
} from '../wire/objects.ts';

const LEGAL_KEY = /^[\x20-\x7e]{1,255}$/;

/** The part of a path that version 0.1.0 left out of the fingerprint. */
const FORMER_ROUTER =
  /^\/v1(?:(?!\/threads\/runs$)(?:\/(?:threads|vector_stores)\/[^/]+(?=\/[a-z]))?\/\w+)?/;

type Bound = { method: string; path: string; ids: Record<string, string>; project: ProjectId };

/** @throws ApiError 400 unless the key has 1 to 255 printable characters */
export function idempotencyOf(
  { method, path, ids, project: projectId }: Bound,
  request: Request,
  body: unknown,
): IdempotentRequest | undefined {
  const key = request.get('idempotency-key');
  if (key === undefined) return undefined;
  if (!LEGAL_KEY.test(key)) throw idempotencyKeyInvalid();
  const content = JSON.stringify(body ?? null);
  const fingerprintOf = (named: string) =>
    `[${JSON.stringify(method.toUpperCase())},${JSON.stringify(named)},${content}]`;
  const named = `/v1${path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name]!)}`;
  const left = named.replace(FORMER_ROUTER, '');
  return {
    projectId,
    key,
    fingerprint: fingerprintOf(named),
    former: { fingerprint: fingerprintOf(left || '/'), ids: Object.values(ids) },
  };
}

/** Brings an answer that version 0.1.0 stored to the present form. */
export function fromFormerAnswer<T extends object>(answer: T): T {
  if ('object' in answer) return answer;
  const { run, assistant, message, thread, file, upload, part, row } = answer as Former;
  const object =
    run ??
    assistant ??
    message ??
    (thread && toThread(thread)) ??
    (file && toFile(file)) ??
    (upload && toUpload(upload, null)) ??
    (part && toUploadPart(part)) ??
    ofVectorStore(row!);
  return { ...answer, object };
}

/** Objects, or rows of the database, under their names. */
type Former = Partial<Record<string, never>>;

function ofVectorStore(row: never): object {
  if ('max_chunk_tokens' in row) return toVectorStoreFile(row);
  return 'cancelled_at' in row ? toVectorStoreFileBatch(row) : toVectorStore(row);
}
