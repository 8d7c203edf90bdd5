import type { Pool } from '../../db/core/pool.ts';

/** Tokens that are charged to the owner's bucket and not yet refilled. */
export async function chargedAs(pool: Pool, owner: string): Promise<number> {
  const { rows } = await pool.query<{ tokens: number }>(
    `select (extract(epoch from full_at - clock_timestamp()) * per_minute / 60)::float8 as tokens
     from rate_buckets where owner = $1 and kind = 'tokens'`,
    [owner],
  );
  return rows[0]?.tokens ?? 0;
}
