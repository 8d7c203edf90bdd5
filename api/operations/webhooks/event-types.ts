import { EVENT_TYPES, eventTypeList } from '../../../wire/webhooks.ts';
import { operation } from '../../operation.ts';

export const listWebhookEventTypes = operation({
  route: 'GET /webhook_event_types',
  extension: true,
  answer: eventTypeList,
  read: () => Promise.resolve({ object: 'list' as const, data: EVENT_TYPES }),
});
