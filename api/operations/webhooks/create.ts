import { createEndpoint } from '../../../db/webhooks/endpoints.ts';
import { createdEndpoint, createEndpointSchema } from '../../../wire/webhooks.ts';
import { operation } from '../../operation.ts';
import { checkUrl } from './check-url.ts';

/** Takes no Idempotency-Key: the answer would be stored, and with it the secret. */
export const createWebhookEndpoint = operation({
  route: 'POST /webhook_endpoints',
  extension: true,
  audit: 'webhook_endpoint.created',
  body: createEndpointSchema,
  answer: createdEndpoint,
  async write({ context, tx, project, body }) {
    checkUrl(context, body.url);
    return { object: await createEndpoint(tx, project, body) };
  },
});
