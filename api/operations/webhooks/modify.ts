import { changeEndpoint } from '../../../db/webhooks/endpoints.ts';
import { modifyEndpointSchema, webhookEndpoint } from '../../../wire/webhooks.ts';
import { operation } from '../../operation.ts';
import { checkUrl } from './check-url.ts';

export const modifyWebhookEndpoint = operation({
  route: 'POST /webhook_endpoints/{webhook_endpoint_id}',
  extension: true,
  audit: 'webhook_endpoint.updated',
  body: modifyEndpointSchema,
  answer: webhookEndpoint,
  async write({ context, tx, project, ids, body }) {
    if (body.url !== undefined) checkUrl(context, body.url);
    return { object: await changeEndpoint(tx, project, ids.webhook_endpoint_id, body) };
  },
});
