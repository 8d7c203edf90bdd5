import { listDeliveries } from '../../../db/webhooks/deliveries.ts';
import { listOf } from '../../../wire/answers.ts';
import { listDeliveriesQuery, webhookDelivery } from '../../../wire/webhooks.ts';
import { operation } from '../../operation.ts';

export const listWebhookDeliveries = operation({
  route: 'GET /threadmill/webhook_deliveries',
  extension: true,
  scope: 'read',
  query: listDeliveriesQuery,
  answer: listOf(webhookDelivery),
  read: ({ pool, project, query }) => listDeliveries(pool, project, query),
});
