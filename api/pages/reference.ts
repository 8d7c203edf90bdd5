/** The API's description, for programs and for people. Neither needs a key. */
import { Router } from 'express';

import packageJson from '../../package.json' with { type: 'json' };
import { docsPage, DOCS_POLICY } from './docs-page.ts';
import { describeApi } from '../openapi.ts';

export function referenceRoutes(): Router {
  const router = Router();
  let description: ReturnType<typeof describeApi> | undefined;
  const describe = () => (description ??= describeApi(packageJson.version));
  router.get(['/openapi.json', '/v1/openapi.json'], (_request, response) => {
    response.json(describe());
  });
  router.get('/docs', (_request, response) => {
    response.set('content-security-policy', DOCS_POLICY).type('html').send(docsPage(describe()));
  });
  return router;
}
