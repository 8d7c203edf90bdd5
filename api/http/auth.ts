/** From the key to its project and scopes. A key works until a second after it was revoked. */
import type { RequestHandler, Response } from 'express';

import { callerOfKey, markKeyUsed } from '../../db/projects/api-keys.ts';
import type { Pool } from '../../db/core/pool.ts';
import { inProject, inWholeDatabase } from '../../db/core/row-scope.ts';
import {
  incorrectApiKey,
  missingApiKey,
  missingBetaHeader,
  missingScope,
  wrongBetaVersion,
} from '../../wire/errors/http-errors.ts';
import type { ProjectId } from '../../wire/ids.ts';
import type { Caller, Scope } from '../../wire/admin/scopes.ts';

const CACHE_MS = 1_000;
const CACHE_SIZE = 1_000;

type Known = { caller: Caller; until: number };

/** Sets `response.locals.caller`. @throws ApiError 401 */
export function authenticate(pool: Pool): RequestHandler {
  const known = new Map<string, Known>();
  return async (request, response, next) => {
    const key = presentedKey(request.headers);
    if (key === undefined) throw missingApiKey();
    const cached = known.get(key);
    if (cached !== undefined && cached.until > Date.now()) {
      response.locals.caller = cached.caller;
      return next();
    }
    // Only the key says which project it is.
    const found = await inWholeDatabase(() => callerOfKey(pool, key));
    if (found === undefined) {
      known.delete(key);
      throw incorrectApiKey(mask(key));
    }
    if (known.size >= CACHE_SIZE) known.clear();
    const { expiresAt, isStale, ...caller } = found;
    // Off the request's path. If it fails, a later request writes it.
    if (isStale) {
      void inProject(caller.project, () => markKeyUsed(pool, caller.key)).catch(() => {});
    }
    const until = Math.min(Date.now() + CACHE_MS, (expiresAt ?? Infinity) * 1_000);
    known.set(key, { caller, until });
    response.locals.caller = caller;
    next();
  };
}

/** The key behind a request, set by `authenticate`. */
export function callerOf({ locals }: Response): Caller {
  return locals.caller as Caller;
}

export function projectOf(response: Response): ProjectId {
  return callerOf(response).project;
}

/** @throws ApiError 403 */
export function requireScope({ scopes }: Caller, scope: Scope): void {
  if (!scopes.includes(scope)) throw missingScope(scope);
}

/** `Authorization: Bearer …`, or Azure's `api-key`. */
function presentedKey(headers: NodeJS.Dict<string | string[]>): string | undefined {
  const authorization = headers.authorization;
  const bearer =
    typeof authorization === 'string' ? /^Bearer\s+(\S+)$/i.exec(authorization)?.[1] : undefined;
  const azure = headers['api-key'];
  return bearer ?? (typeof azure === 'string' && azure !== '' ? azure : undefined);
}

function mask(key: string): string {
  return key.length < 12 ? '***' : `${key.slice(0, 3)}***${key.slice(-4)}`;
}

/** Refuses version 1, and with `required` also requests that name no version. @throws ApiError 400 */
export function checkBetaHeader(required: boolean): RequestHandler {
  return (request, _response, next) => {
    const value = request.get('openai-beta') ?? '';
    const versions = value.split(',').map((part) => part.trim());
    if (!versions.includes('assistants=v2')) {
      if (versions.some((version) => version.startsWith('assistants='))) {
        throw wrongBetaVersion(value);
      }
      if (required) throw missingBetaHeader();
    }
    next();
  };
}
