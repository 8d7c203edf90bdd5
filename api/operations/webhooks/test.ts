import { getTarget } from '../../../db/webhooks/endpoints.ts';
import { sendEvent } from '../../../webhooks/send.ts';
import { webhookTestFailed } from '../../../wire/errors/errors.ts';
import { mintId } from '../../../wire/ids.ts';
import {
  endpointTestResult,
  eventBody,
  sampleOf,
  testEndpointSchema,
} from '../../../wire/webhooks.ts';
import { operation } from '../../operation.ts';

/** Sends an event of objects that do not exist, once, and waits for the receiver. */
export const testWebhookEndpoint = operation({
  route: 'POST /webhook_endpoints/{webhook_endpoint_id}/test',
  extension: true,
  body: testEndpointSchema,
  answer: endpointTestResult,
  async read({ context: { config }, pool, project, ids, body: { event_type: type } }) {
    const target = await getTarget(pool, project, ids.webhook_endpoint_id);
    const event = { id: mintId('event'), created_at: Math.floor(Date.now() / 1_000), type };
    const body = eventBody({ ...event, data: sampleOf(type) });
    const allowsPrivate = config.webhookPrivateAddresses;
    const sent = await sendEvent({ id: event.id, body }, { ...target, allowsPrivate });
    if ('failure' in sent) throw webhookTestFailed(sent.failure);
    return {
      object: 'webhook_endpoint.test' as const,
      webhook_endpoint_id: ids.webhook_endpoint_id,
      event_type: type,
      status_code: sent.status,
      success: true as const,
    };
  },
});
