import { getEndpointRow, toEndpoint } from '../../../db/webhooks/endpoints.ts';
import { webhookEndpoint } from '../../../wire/webhooks.ts';
import { operation } from '../../operation.ts';

export const getWebhookEndpoint = operation({
  route: 'GET /webhook_endpoints/{webhook_endpoint_id}',
  extension: true,
  answer: webhookEndpoint,
  read: async ({ pool, project, ids }) =>
    toEndpoint(await getEndpointRow(pool, project, ids.webhook_endpoint_id)),
});
