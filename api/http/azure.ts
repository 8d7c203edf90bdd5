/**
 * Azure's paths: `/openai/…`, `/openai/v1/…` and `/openai/deployments/{model}/…` become `/v1/…`. The `api-version` that its
 * clients send is a query parameter that nothing here reads, and `api-key` is a key like any other.
 */
import type { RequestHandler } from 'express';

/**
 * `resources` can follow a deployment, whose name may hold slashes: older clients put them into the path as they are.
 * Sets `response.locals.deployment` when the path names one.
 */
export function azurePaths(resources: ReadonlySet<string>): RequestHandler {
  const ends = [...resources].join('|');
  const prefix = new RegExp(
    `^/openai(?:/v1)?(?:/deployments/([^?]+?)(?=/(?:${ends})(?:[/?]|$)))?(?=/)`,
  );
  return (request, response, next) => {
    const match = prefix.exec(request.url);
    if (match !== null) {
      request.url = `/v1${request.url.slice(match[0].length)}`;
      if (match[1] !== undefined) response.locals.deployment = decodeURIComponent(match[1]);
    }
    next();
  };
}
