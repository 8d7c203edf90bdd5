/**
 * Webhooks: endpoints and events in the form of the hosted service. Its batch events have their names; ours are named for the
 * object and its status, as the events of streams are.
 */
import { z } from 'zod';

import { each, idOf, integer, nullableInteger, nullableText, text as word } from './answers.ts';
import { EXTENSION, list, text } from './requests/fields.ts';
import { LIMITS } from './requests/limits.ts';
import { listBatchesQuery } from './requests/queries.ts';

const EVENTS = {
  batch: ['completed', 'failed', 'cancelled', 'expired'],
  'thread.run': ['requires_action', 'completed', 'failed', 'cancelled', 'expired', 'incomplete'],
  file: ['processed', 'deleted'],
  'vector_store.file': ['completed', 'failed', 'cancelled'],
  'vector_store.files_batch': ['completed', 'failed', 'cancelled'],
} as const;
type Subject = keyof typeof EVENTS;
type TypeOf<S extends Subject> = { [K in S]: `${K}.${(typeof EVENTS)[K][number]}` }[S];
export type EventType = TypeOf<Subject>;

/** migrations/000034.sql writes the events. */
export const EVENT_TYPES = Object.entries(EVENTS).flatMap(([subject, statuses]) =>
  statuses.map((status) => `${subject}.${status}` as EventType),
) as [EventType, ...EventType[]];

/** Of each kind of event, the `data` of a test. */
const SAMPLES: Record<Subject, Record<string, string>> = {
  batch: { id: 'batch_test' },
  'thread.run': { id: 'run_test', thread_id: 'thread_test', assistant_id: 'asst_test' },
  file: { id: 'file-test' },
  'vector_store.file': { id: 'file-test', vector_store_id: 'vs_test' },
  'vector_store.files_batch': { id: 'vsfb_test', vector_store_id: 'vs_test' },
};

export const sampleOf = (type: EventType) =>
  SAMPLES[type.slice(0, type.lastIndexOf('.')) as Subject];

/** The text that is sent, and signed. */
export function eventBody(event: {
  id: string;
  created_at: number;
  type: string;
  data: Record<string, string>;
}): string {
  const { id, created_at, type, data } = event;
  return JSON.stringify({ id, object: 'event', created_at, type, data });
}

const eventType = z.enum(EVENT_TYPES);
const fields = {
  name: text(LIMITS.name, 1),
  url: text(LIMITS.webhookUrl, 1),
  event_types: list(eventType, 'strings', EVENT_TYPES.length)
    .min(1)
    .transform((types) => [...new Set(types)]),
};

export const createEndpointSchema = z.strictObject(fields);
/** `enabled` also ends what status 410 of the receiver began. */
export const modifyEndpointSchema = z
  .strictObject({ ...fields, status: z.enum(['enabled', 'disabled']).meta(EXTENSION) })
  .partial();
export type EndpointSettings = z.infer<typeof createEndpointSchema>;
export type EndpointChange = z.infer<typeof modifyEndpointSchema>;

export const rotateSecretSchema = z.strictObject({
  keep_old_secret_active_for_24_hours: z.boolean().default(false),
});
export const testEndpointSchema = z.strictObject({ event_type: eventType });

const STATUSES = ['pending', 'succeeded', 'dead'] as const;

export const listDeliveriesQuery = listBatchesQuery.extend({
  endpoint_id: z.string().max(LIMITS.fileId).optional(),
  status: z.enum(STATUSES).optional(),
});

const endpointFields = {
  id: idOf('webhook_endpoint'),
  object: z.literal('webhook_endpoint'),
  ...each(integer, 'created_at', 'updated_at'),
  ...each(word, 'name', 'url'),
  event_types: z.array(word),
  signing_secret_hint: word,
  status: z.enum(['enabled', 'disabled']).meta(EXTENSION),
};
export const webhookEndpoint = z.object(endpointFields).meta({ id: 'WebhookEndpoint' });
/** No other answer has the secret. */
export const createdEndpoint = z
  .object({ ...endpointFields, signing_secret: word })
  .meta({ id: 'WebhookEndpointWithSecret' });
export type WebhookEndpoint = z.infer<typeof webhookEndpoint>;
export type CreatedEndpoint = z.infer<typeof createdEndpoint>;

export const eventTypeList = z
  .object({ object: z.literal('list'), data: z.array(word) })
  .meta({ id: 'WebhookEventTypeList' });

export const endpointTestResult = z
  .object({
    object: z.literal('webhook_endpoint.test'),
    ...each(word, 'webhook_endpoint_id', 'event_type'),
    status_code: integer,
    success: z.literal(true),
  })
  .meta({ id: 'WebhookEndpointTestResult' });

export const webhookDelivery = z
  .object({
    id: idOf('webhook_delivery'),
    object: z.literal('threadmill.webhook_delivery'),
    created_at: integer,
    endpoint_id: word,
    /** The header `webhook-id`. */
    event_id: word,
    event_type: word,
    status: z.enum(STATUSES),
    /** Since the event, or since the last replay. */
    attempts: integer,
    ...each(nullableInteger, 'last_attempt_at', 'last_status_code'),
    last_error: nullableText,
    next_attempt_at: nullableInteger,
  })
  .meta({ id: 'WebhookDelivery' });
export type WebhookDelivery = z.infer<typeof webhookDelivery>;
