import { badWebhookUrl } from '../../../wire/errors/errors.ts';
import { refusalOf } from '../../../webhooks/addresses.ts';
import type { ApiContext } from '../../context.ts';

/** @throws ApiError 400. A name is judged when an event is sent. */
export function checkUrl({ config }: ApiContext, url: string): void {
  const refusal = refusalOf(url, config.webhookPrivateAddresses);
  if (refusal !== undefined) throw badWebhookUrl(refusal);
}
