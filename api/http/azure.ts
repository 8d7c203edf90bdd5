/**
 * Azure's paths: `/openai/…`, `/openai/v1/…` and `/openai/deployments/{model}/…` become `/v1/…`. The `api-version` that its
 * clients send is a query parameter that nothing here reads, and `api-key` is a key like any other.
 */
import type { RequestHandler } from 'express';

/** What can follow a deployment. Its name may hold slashes: older clients put them into the path as they are. */
const RESOURCES =
  'assistants|threads|files|uploads|vector_stores|models|chat|completions|embeddings|moderations|images|audio|responses';
const PREFIX = new RegExp(
  `^/openai(?:/v1)?(?:/deployments/([^?]+?)(?=/(?:${RESOURCES})(?:[/?]|$)))?(?=/)`,
);

/** Sets `response.locals.deployment` when the path names one. */
export const azurePaths: RequestHandler = (request, response, next) => {
  const match = PREFIX.exec(request.url);
  if (match !== null) {
    request.url = `/v1${request.url.slice(match[0].length)}`;
    if (match[1] !== undefined) response.locals.deployment = decodeURIComponent(match[1]);
  }
  next();
};
