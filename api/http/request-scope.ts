/** Tells the database's pool which request a statement is for. */
import type { RequestHandler } from 'express';

import { timeOfId } from '../../wire/ids.ts';
import type { ApiContext } from '../context.ts';
import { projectOf } from './auth.ts';

/** Mounted at /v1, behind the authentication. */
export function scopeRequest({ inRequest }: Pick<ApiContext, 'inRequest'>): RequestHandler {
  return (request, response, next) => {
    const objectId = request.path.split('/')[2] ?? '';
    const scope = {
      projectId: projectOf(response),
      objectId: timeOfId(objectId) === undefined ? undefined : objectId,
    };
    if (!onlyReads(request)) return inRequest(scope, next);
    const abandoned = new AbortController();
    response.on('close', () => response.writableFinished || abandoned.abort());
    inRequest({ ...scope, abandoned: abandoned.signal }, next);
  };
}

/** Everything else must have its effect, or clean up, also when its client has left. */
function onlyReads({ method, path }: { method: string; path: string }): boolean {
  return method === 'GET' || method === 'HEAD' || path.endsWith('/search');
}
