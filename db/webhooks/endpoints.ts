/** Endpoints of webhooks. A secret is read by what signs with it; no list, log or event has it. */
import { randomBytes } from 'node:crypto';

import { tooManyWebhookEndpoints } from '../../wire/errors/errors.ts';
import type { ProjectId, WebhookEndpointId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import { fieldsOf } from '../../wire/objects.ts';
import { LIMITS } from '../../wire/requests/limits.ts';
import type {
  CreatedEndpoint,
  EndpointChange,
  EndpointSettings,
  WebhookEndpoint,
} from '../../wire/webhooks.ts';
import { webhookEndpoint } from '../../wire/webhooks.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { lockLimit } from '../runs/admit-run.ts';
import { readers } from '../core/project-list.ts';
import { found } from '../core/read-by-id.ts';

type Row = Omit<WebhookEndpoint, 'object' | 'status'> & { disabled_at: number | null };

const COLUMNS = `id, created_at, updated_at, name, url, event_types, disabled_at,
  'whsec_...' || right(secret, 4) as signing_secret_hint`;

const KIND = 'webhook endpoint';
const mintSecret = () => `whsec_${randomBytes(32).toString('base64')}`;

/** Where and how an event is sent. */
export type SendTarget = { url: string; secrets: string[] };
/** SQL of its `secrets`. */
export const SECRETS = `array[e.secret] || case when e.old_secret_until > unix_now() then array[e.old_secret] else '{}' end`;

/** @throws ApiError 400 */
export async function createEndpoint(
  tx: Tx,
  project: ProjectId,
  { name, url, event_types }: EndpointSettings,
): Promise<CreatedEndpoint> {
  const secret = mintSecret();
  await lockLimit(tx, project);
  const rows = await query<Row>(
    tx,
    'webhook-endpoints.create',
    `insert into webhook_endpoints (id, project_id, created_at, updated_at, name, url, event_types, secret)
     select $1, id, unix_now(), unix_now(), $3, $4, $5, $6 from projects
     where id = $2 and (select count(*) from webhook_endpoints where project_id = $2) < $7 returning ${COLUMNS}`,
    [mintId('webhook_endpoint'), project, name, url, event_types, secret, LIMITS.webhookEndpoints],
  );
  if (rows[0] === undefined) throw tooManyWebhookEndpoints(LIMITS.webhookEndpoints);
  return { ...toEndpoint(rows[0]), signing_secret: secret };
}

export const { get: getEndpointRow, list: listEndpoints } = readers(
  KIND,
  { columns: COLUMNS, table: 'webhook_endpoints', orderBy: 'id' },
  toEndpoint,
);

/** @throws ApiError 404 */
export async function getTarget(
  db: Queryable,
  project: ProjectId,
  id: WebhookEndpointId,
): Promise<SendTarget> {
  const text = `select e.url, ${SECRETS} as secrets from webhook_endpoints e where id = $1 and project_id = $2`;
  return found(
    (await query<SendTarget>(db, 'webhook-endpoints.target', text, [id, project]))[0],
    KIND,
    id,
  );
}

/** `updated_at` says when something changed. @throws ApiError 404 */
export async function changeEndpoint(
  tx: Tx,
  project: ProjectId,
  id: WebhookEndpointId,
  { name, url, event_types, status }: EndpointChange,
): Promise<WebhookEndpoint> {
  const rows = await query<Row>(
    tx,
    'webhook-endpoints.change',
    `with asked as (
       select id as same, coalesce($3, name) as new_name, coalesce($4, url) as new_url, coalesce($5::text[], event_types) as new_types,
         case $6 when 'enabled' then null when 'disabled' then coalesce(disabled_at, unix_now()) else disabled_at end as new_end
       from webhook_endpoints where id = $1 and project_id = $2 for update)
     update webhook_endpoints set name = new_name, url = new_url, event_types = new_types, disabled_at = new_end,
       updated_at = case when (name, url, event_types, disabled_at) is distinct from (new_name, new_url, new_types, new_end)
         then unix_now() else updated_at end
     from asked where id = same returning ${COLUMNS}`,
    [id, project, name ?? null, url ?? null, event_types ?? null, status ?? null],
  );
  return toEndpoint(found(rows[0], KIND, id));
}

/** @throws ApiError 404 */
export async function rotateSecret(
  tx: Tx,
  project: ProjectId,
  id: WebhookEndpointId,
  keepOld: boolean,
): Promise<CreatedEndpoint> {
  const secret = mintSecret();
  const rows = await query<Row>(
    tx,
    'webhook-endpoints.rotate',
    `update webhook_endpoints set secret = $3, old_secret = case when $4 then secret end,
       old_secret_until = case when $4 then unix_now() + 86400 end, updated_at = unix_now()
     where id = $1 and project_id = $2 returning ${COLUMNS}`,
    [id, project, secret, keepOld],
  );
  return { ...toEndpoint(found(rows[0], KIND, id)), signing_secret: secret };
}

/** Its deliveries go with it. @throws ApiError 404 */
export async function deleteEndpoint(
  tx: Tx,
  project: ProjectId,
  id: WebhookEndpointId,
): Promise<void> {
  const text = 'delete from webhook_endpoints where id = $1 and project_id = $2 returning id';
  found((await query(tx, 'webhook-endpoints.delete', text, [id, project]))[0], KIND, id);
}

export function toEndpoint(row: Row): WebhookEndpoint {
  const status = row.disabled_at === null ? 'enabled' : 'disabled';
  return fieldsOf(webhookEndpoint, { ...row, object: 'webhook_endpoint', status });
}
