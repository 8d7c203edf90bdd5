import { replayDelivery } from '../../../db/webhooks/deliveries.ts';
import { webhookDelivery } from '../../../wire/webhooks.ts';
import { operation } from '../../operation.ts';

export const replayWebhookDelivery = operation({
  route: 'POST /threadmill/webhook_deliveries/{delivery_id}/replay',
  extension: true,
  scope: 'run',
  audit: 'webhook_delivery.replayed',
  answer: webhookDelivery,
  async write({ tx, project, ids }) {
    return replayDelivery(tx, project, ids.delivery_id);
  },
});
