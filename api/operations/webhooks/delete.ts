import { deleteEndpoint } from '../../../db/webhooks/endpoints.ts';
import { deletion } from '../../operation.ts';

export const deleteWebhookEndpoint = {
  ...deletion({
    route: 'DELETE /webhook_endpoints/{webhook_endpoint_id}',
    object: 'webhook_endpoint.deleted',
    erase: ({ tx, project, ids }) => deleteEndpoint(tx, project, ids.webhook_endpoint_id),
  }),
  extension: true as const,
};
