import { rotateSecret } from '../../../db/webhooks/endpoints.ts';
import { createdEndpoint, rotateSecretSchema } from '../../../wire/webhooks.ts';
import { operation } from '../../operation.ts';

/** Takes no Idempotency-Key: the answer would be stored, and with it the secret. */
export const rotateWebhookSecret = operation({
  route: 'POST /webhook_endpoints/{webhook_endpoint_id}/rotate_secret',
  extension: true,
  audit: 'webhook_endpoint.rotated',
  body: rotateSecretSchema,
  answer: createdEndpoint,
  async write({ tx, project, ids, body }) {
    const keepOld = body.keep_old_secret_active_for_24_hours;
    return { object: await rotateSecret(tx, project, ids.webhook_endpoint_id, keepOld) };
  },
});
