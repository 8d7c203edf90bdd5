/**
 * Buckets of requests and tokens, shared by all processes. A bucket holds a minute's limit and fills at an even pace, so its
 * state is one time: when it is full again (the generic cell rate algorithm). A crash of the database server empties the
 * unlogged table, which fills every bucket.
 */
import type { KeyId, ProjectId } from '../../wire/ids.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';

export type BucketOwner = { project: ProjectId; owner: ProjectId | KeyId; perMinute: number };

/** `fullInMs`: until the bucket is full; more than a minute: it is in debt. */
export type Taken = { taken: boolean; fullInMs: number };

const MINUTE_MS = 60_000;

const UNTIL_FULL = `greatest(0, extract(epoch from full_at - clock_timestamp()) * 1000)::float8 as "fullInMs"`;

/** Takes so many requests out of the bucket, or none. */
export async function takeRequests(
  db: Queryable,
  { project, owner, perMinute }: BucketOwner,
  requests: number,
): Promise<Taken> {
  const rows = await query<Taken>(
    db,
    'rate-buckets.take',
    `with taken as (
       insert into rate_buckets as b (project_id, owner, kind, per_minute, full_at)
       values ($1, $2, 'requests', $3, clock_timestamp() + $4 * interval '1 minute' / $3)
       on conflict (owner, kind) do update set per_minute = excluded.per_minute,
         full_at = greatest(b.full_at, clock_timestamp()) + $4 * interval '1 minute' / $3
         where greatest(b.full_at, clock_timestamp()) + $4 * interval '1 minute' / $3
           <= clock_timestamp() + interval '1 minute'
       returning full_at)
     select true as taken, ${UNTIL_FULL} from taken
     union all select false, ${UNTIL_FULL} from rate_buckets
       where owner = $2 and kind = 'requests' and not exists (select from taken)`,
    [project, owner, perMinute, requests],
  );
  // Another process made and emptied the bucket while this statement waited, so the statement does not see its row.
  return rows[0] ?? { taken: false, fullInMs: MINUTE_MS };
}

/** Until the bucket of tokens is full, in ms. Also makes the bucket, so that turns are charged to it. */
export async function openTokens(
  db: Queryable,
  { project, owner, perMinute }: BucketOwner,
): Promise<number> {
  const rows = await query<{ fullInMs: number }>(
    db,
    'rate-buckets.open-tokens',
    `with opened as (
       insert into rate_buckets as b (project_id, owner, kind, per_minute, full_at)
       values ($1, $2, 'tokens', $3, clock_timestamp())
       on conflict (owner, kind) do update set per_minute = excluded.per_minute
         where b.per_minute <> excluded.per_minute)
     select ${UNTIL_FULL} from rate_buckets where owner = $2 and kind = 'tokens'`,
    [project, owner, perMinute],
  );
  return rows[0]?.fullInMs ?? 0;
}

/**
 * Charges tokens that were used to the buckets of `owners`, a table with `project_id` and `key_id`. A bucket may go into
 * debt; an owner without a bucket has no limit.
 */
export const CHARGE_TOKENS = (tokens: string) =>
  `update rate_buckets b set full_at = greatest(full_at, clock_timestamp()) + ${tokens} * interval '1 minute' / per_minute
   from owners where b.kind = 'tokens' and b.owner in (owners.project_id, owners.key_id)`;

/** Buckets that nobody has used for a day are full. */
export async function forgetFullBuckets(db: Queryable): Promise<void> {
  await query(
    db,
    'rate-buckets.forget',
    `delete from rate_buckets where full_at < clock_timestamp() - interval '1 day'`,
  );
}
