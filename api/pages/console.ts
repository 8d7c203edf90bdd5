/** The console: a page for browsers, at every path that the API does not use. Its own code asks this API with the key of its user. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { Router, static as serveFiles } from 'express';
import type { Request } from 'express';

const BUILT = fileURLToPath(new URL('../../console/dist/', import.meta.url));
const OTHERS = /^\/(v1|openai|docs|openapi\.json|healthz|readyz|metrics)(\/|$)/;

/**
 * Nothing of another host, no code but its own files, and style sheets of its own or with the nonce of this answer. KaTeX
 * places the parts of a formula by style attributes.
 */
const policy = (nonce: string) =>
  [
    "default-src 'none'",
    "script-src 'self'",
    `style-src-elem 'self' 'nonce-${nonce}'`,
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' blob: data:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

/** Without a build there is no console, and its paths are unknown. */
export function consoleRoutes(): Router {
  const router = Router();
  let page: string | undefined;
  router.use(
    '/assets',
    serveFiles(`${BUILT}assets`, { immutable: true, maxAge: '1y', index: false, redirect: false }),
  );
  // A route for every path would answer their OPTIONS too.
  router.use((request, response, next) => {
    if (request.method !== 'GET' || OTHERS.test(request.path) || !wantsPage(request)) return next();
    if (page === undefined && existsSync(`${BUILT}index.html`)) {
      page = readFileSync(`${BUILT}index.html`, 'utf8');
    }
    if (page === undefined) return next();
    const nonce = randomBytes(16).toString('base64');
    response
      .set({ 'content-security-policy': policy(nonce), 'cache-control': 'no-store' })
      .type('html')
      .send(page.replaceAll('{{nonce}}', nonce));
  });
  return router;
}

/** Browsers name HTML; API clients ask for JSON or for anything. */
function wantsPage(request: Request): boolean {
  return request.accepts(['json', 'html']) === 'html';
}
