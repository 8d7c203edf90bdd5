import { listEndpoints } from '../../../db/webhooks/endpoints.ts';
import { listOf } from '../../../wire/answers.ts';
import { listBatchesQuery } from '../../../wire/requests/queries.ts';
import { webhookEndpoint } from '../../../wire/webhooks.ts';
import { operation } from '../../operation.ts';

export const listWebhookEndpoints = operation({
  route: 'GET /webhook_endpoints',
  extension: true,
  query: listBatchesQuery,
  answer: listOf(webhookEndpoint),
  read: ({ pool, project, query }) => listEndpoints(pool, project, query),
});
