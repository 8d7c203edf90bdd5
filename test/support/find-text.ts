import { escapeIdentifier } from 'pg';

import type { Pool } from '../../db/core/pool.ts';

/** The tables of the database that have this text in some column of some row, in plain or as bytes. Sorted. */
export async function tablesWith(pool: Pool, text: string): Promise<string[]> {
  const { rows: tables } = await pool.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
       and not relispartition order by relname`,
  );
  const hex = Buffer.from(text).toString('hex');
  const found: string[] = [];
  for (const { name } of tables) {
    const { rowCount } = await pool.query(
      `select from ${escapeIdentifier(name)} t where t::text like any($1) limit 1`,
      [[`%${text}%`, `%${hex}%`]],
    );
    if (rowCount !== 0) found.push(name);
  }
  return found;
}
