/** GET /metrics: without a key for a program on this computer, else with a key of scope admin. */
import { isIP } from 'node:net';

import type { Request, RequestHandler } from 'express';
import { Router } from 'express';

import { sendMetrics } from '../telemetry/exposition.ts';
import type { ApiContext } from './context.ts';
import { authenticate, callerOf, requireScope } from './http/auth.ts';

/** With a port of its own for metrics, every reader here needs a key. */
export function metricsRoute({ pool, config }: Pick<ApiContext, 'pool' | 'config'>): Router {
  const withKey = authenticate(pool);
  const isOpen = (request: Request) => config.metricsListen === undefined && isLocal(request);
  const guard: RequestHandler = async (request, response, next) => {
    if (isOpen(request)) return next();
    await withKey(request, response, (error?: unknown) => {
      if (error === undefined) requireScope(callerOf(response), 'admin');
      next(error);
    });
  };
  return Router().get('/metrics', guard, (_request, response) => sendMetrics(response));
}

/** What a proxy adds. */
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

/**
 * A proxy on this computer connects from a loopback address too, so its marks and its name for this server count. `Origin`
 * and a foreign `Host` are of a browser, whose page may be anybody's.
 */
function isLocal({ headers, socket }: Request): boolean {
  if (!isLoopback(socket.remoteAddress ?? '')) return false;
  if (headers.origin !== undefined || FORWARDED.some((name) => headers[name] !== undefined)) {
    return false;
  }
  const host = /^(?:\[(.*)\]|([^:]*))(?::\d+)?$/.exec(headers.host ?? '');
  const name = (host?.[1] ?? host?.[2] ?? '').toLowerCase();
  return name === 'localhost' || isLoopback(name);
}

function isLoopback(address: string): boolean {
  const plain = address.replace(/^::ffff:/i, '');
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}
