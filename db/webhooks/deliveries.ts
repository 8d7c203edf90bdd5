/** Deliveries of events to endpoints. Triggers (migrations/000034.sql) write each with the change that it is about. */
import type { ProjectId, WebhookDeliveryId } from '../../wire/ids.ts';
import { fieldsOf } from '../../wire/objects.ts';
import type { ListEnvelope } from '../../wire/types.ts';
import type { WebhookDelivery } from '../../wire/webhooks.ts';
import { webhookDelivery } from '../../wire/webhooks.ts';
import type { Delivery } from '../core/deliveries.ts';
import { enqueueDelivery } from '../core/deliveries.ts';
import type { ListQuery } from '../core/list-page.ts';
import { listPage } from '../core/list-page.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { found } from '../core/read-by-id.ts';
import type { SendTarget } from './endpoints.ts';
import { SECRETS } from './endpoints.ts';

/** Of a delivery that has ended, also of one that succeeded. */
const KEPT_DAYS = 30;

type Row = Omit<WebhookDelivery, 'object'> & { round: number };

const COLUMNS = `id, created_at, endpoint_id, event_id, type as event_type, status, attempts, last_attempt_at, last_status_code,
  last_error, round, case status when 'pending' then extract(epoch from next_at)::bigint end as next_attempt_at`;

type Asked = Pick<ListQuery, 'limit' | 'after'> & {
  endpoint_id?: string | undefined;
  status?: WebhookDelivery['status'] | undefined;
};

export async function listDeliveries(
  db: Queryable,
  project: ProjectId,
  { endpoint_id, status, ...page }: Asked,
): Promise<ListEnvelope<WebhookDelivery>> {
  const source = {
    name: `webhook-deliveries${endpoint_id === undefined ? '' : '.endpoint'}${status === undefined ? '' : '.status'}`,
    columns: COLUMNS,
    table: 'webhook_deliveries',
    scope: {
      project_id: project,
      ...(endpoint_id !== undefined && { endpoint_id }),
      ...(status !== undefined && { status }),
    },
    orderBy: 'seq',
  } as const;
  return listPage(db, source, { ...page, order: 'desc' }, toDelivery);
}

const AGAIN = `status = 'pending', round = round + 1, round_began_at = clock_timestamp(), next_at = clock_timestamp(),
  attempts = 0, last_error = null`;

/** The same event, with its id, from the first attempt on. One that is pending goes on as it is. @throws ApiError 404 */
export async function replayDelivery(
  tx: Tx,
  project: ProjectId,
  id: WebhookDeliveryId,
): Promise<{ object: WebhookDelivery; deliveries: Delivery[] }> {
  const replayed = await query<Row>(
    tx,
    'webhook-deliveries.replay',
    `update webhook_deliveries set ${AGAIN} where id = $1 and project_id = $2 and status <> 'pending' returning ${COLUMNS}`,
    [id, project],
  );
  if (replayed[0] !== undefined) {
    const { round } = replayed[0];
    const payload = { kind: 'webhook', projectId: project, deliveryId: id, round } as const;
    const started = await enqueueDelivery(tx, `${id}-${round}`, payload);
    return { object: toDelivery(replayed[0]), deliveries: [started] };
  }
  const text = `select ${COLUMNS} from webhook_deliveries where id = $1 and project_id = $2`;
  const rows = await query<Row>(tx, 'webhook-deliveries.get', text, [id, project]);
  return { object: toDelivery(found(rows[0], 'webhook delivery', id)), deliveries: [] };
}

/** A round of a delivery. */
export type Round = { deliveryId: WebhookDeliveryId; round: number };

export type Attempt = SendTarget & {
  endpoint_id: string;
  is_disabled: boolean;
  event: { id: string; created_at: number; type: string; data: Record<string, string> };
  attempts: number;
  /** Since the round began. */
  age_ms: number;
};

/** Undefined: it has ended, was replayed or deleted. */
export async function readAttempt(
  db: Queryable,
  { deliveryId, round }: Round,
): Promise<Attempt | undefined> {
  const rows = await query<Attempt>(
    db,
    'webhook-deliveries.read',
    `select d.endpoint_id, e.url, ${SECRETS} as secrets, e.disabled_at is not null as is_disabled, d.attempts,
       jsonb_build_object('id', d.event_id, 'created_at', d.created_at, 'type', d.type, 'data', d.data) as event,
       (extract(epoch from clock_timestamp() - d.round_began_at) * 1000)::bigint as age_ms
     from webhook_deliveries d join webhook_endpoints e on e.id = d.endpoint_id
     where d.id = $1 and d.round = $2 and d.status = 'pending'`,
    [deliveryId, round],
  );
  return rows[0];
}

export type AttemptResult = {
  status: WebhookDelivery['status'];
  /** Null: there was none. */
  statusCode: number | null;
  error: string | null;
  /** Until the next attempt. */
  waitMs: number;
};

/** The receiver wants no more events: its endpoint ends. */
const GONE = 410;

/** Returns whether it was written: false if the delivery was replayed or deleted meanwhile. */
export async function recordAttempt(
  db: Queryable,
  { deliveryId, round }: Round,
  { status, statusCode, error, waitMs }: AttemptResult,
): Promise<boolean> {
  const rows = await query(
    db,
    'webhook-deliveries.record',
    `with recorded as (
       update webhook_deliveries set status = $3, last_status_code = $4, last_error = $5, attempts = attempts + 1,
         last_attempt_at = unix_now(), next_at = clock_timestamp() + $6 * interval '1 millisecond'
       where id = $1 and round = $2 and status = 'pending' returning endpoint_id),
     ended as (
       update webhook_endpoints set disabled_at = coalesce(disabled_at, unix_now()), updated_at = unix_now()
       where $4 = ${GONE} and id = (select endpoint_id from recorded))
     select endpoint_id from recorded`,
    [deliveryId, round, status, statusCode, error, waitMs],
  );
  return rows.length > 0;
}

/** Deletes what ended long ago, and starts what no workflow has worked on although it was due. */
export async function tidyDeliveries(db: Queryable): Promise<void> {
  await query(
    db,
    'webhook-deliveries.delete-old',
    `delete from webhook_deliveries where seq in (select seq from webhook_deliveries
       where status <> 'pending' and created_at < unix_now() - ${KEPT_DAYS * 86_400} order by created_at limit 10000)`,
  );
  await query(
    db,
    'webhook-deliveries.restart',
    `with lost as (
       update webhook_deliveries set round = round + 1, next_at = clock_timestamp()
       where seq in (select seq from webhook_deliveries d where status = 'pending' and next_at < clock_timestamp() - interval '10 minutes'
         and not exists (select from deliveries o where o.run_id = d.id || '-' || d.round) order by next_at limit 100)
       returning id, project_id, round)
     insert into deliveries (project_id, run_id, kind, payload, next_attempt_at)
     select project_id, id || '-' || round, 'webhook', jsonb_build_object('kind', 'webhook', 'projectId', project_id,
       'deliveryId', id, 'round', round), clock_timestamp() from lost`,
  );
}

const toDelivery = (row: Row): WebhookDelivery =>
  fieldsOf(webhookDelivery, { ...row, object: 'threadmill.webhook_delivery' });
