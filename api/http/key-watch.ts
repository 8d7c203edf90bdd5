/**
 * Ends streams and downloads whose key was revoked or has expired. One statement a second looks at the keys of all answers
 * that are under way, in each API process that has any. What has not begun to be answered is answered first.
 */
import type { RequestHandler, Response } from 'express';

import { inWholeDatabase } from '../../db/core/row-scope.ts';
import { activeKeys } from '../../db/projects/api-keys.ts';
import type { KeyId } from '../../wire/ids.ts';
import type { ApiContext } from '../context.ts';
import { callerOf } from './auth.ts';

/** With the age of a known key in `auth.ts`, less than the two seconds that are promised. */
const CHECK_MS = 800;

/** Mounted behind the authentication. */
export function endWithKey({
  pool,
  stopping,
}: Pick<ApiContext, 'pool' | 'stopping'>): RequestHandler {
  const open = new Map<Response, KeyId>();
  const timer = setInterval(() => {
    // While the database is away nothing is known; the next check will tell.
    if (open.size > 0) void endOpen().catch(() => {});
  }, CHECK_MS).unref();
  stopping.addEventListener('abort', () => clearInterval(timer));

  const endOpen = async () => {
    const begun = [...open].filter(([response]) => response.headersSent);
    if (begun.length === 0) return;
    const keys = [...new Set(begun.map(([, key]) => key))];
    const active = await inWholeDatabase(() => activeKeys(pool, keys));
    for (const [response, key] of begun) if (!active.has(key)) end(response);
  };
  return (_request, response, next) => {
    open.set(response, callerOf(response).key);
    response.once('close', () => open.delete(response));
    next();
  };
}

/** Ends an answer in good order. The next check cuts an answer that has not ended by then. */
const endings = new WeakMap<Response, () => void>();

/** Without it an answer is cut. */
export function onKeyEnd(response: Response, ending: () => void): void {
  endings.set(response, ending);
}

function end(response: Response): void {
  const ending = endings.get(response);
  endings.delete(response);
  if (ending === undefined) response.destroy();
  else ending();
}
