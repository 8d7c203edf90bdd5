/**
 * limit/order/after/before → one statement and the list envelope. A list is ordered by a column that never ties; the
 * cursor's id is looked up inside the same scope, so a foreign id is unknown.
 */
import { unknownCursor } from '../wire/errors.ts';
import type { ListEnvelope } from '../wire/types.ts';
import type { Queryable } from './pool.ts';
import { query } from './pool.ts';

export type ListQuery = {
  limit: number;
  order: 'asc' | 'desc';
  after?: string | undefined;
  before?: string | undefined;
};

export type ListSource = {
  /** Unique prefix of the prepared statements' names. */
  name: string;
  columns: string;
  table: string;
  /** Conditions on the scope, with $1… as in `scopeValues`. */
  scope: string;
  /** A column unique within the scope, growing with age. */
  orderBy: string;
};

/**
 * Reads one page, newest first unless asked otherwise. `before` returns the page that ends just before that id, in the
 * requested order.
 * @throws ApiError 400 invalid_value when the cursor names nothing in this list
 */
export async function listPage<Row extends { id: string }, T>(
  db: Queryable,
  source: ListSource,
  scopeValues: readonly unknown[],
  page: ListQuery,
  toObject: (row: Row) => T,
): Promise<ListEnvelope<T>> {
  const after = await cursor(db, source, scopeValues, 'after', page.after);
  const before = await cursor(db, source, scopeValues, 'before', page.before);
  // A page that ends before a cursor is read backwards from it, then turned round.
  const backwards = before !== null && after === null;
  const ascending = (page.order === 'asc') !== backwards;
  const rows = await query<Row>(
    db,
    `${source.name}.page.${ascending ? 'asc' : 'desc'}.${page.order}`,
    pageText(source, scopeValues.length, page.order, ascending),
    [...scopeValues, after, before, page.limit + 1],
  );
  const hasMore = rows.length > page.limit;
  const kept = rows.slice(0, page.limit);
  if (backwards) kept.reverse();
  return {
    object: 'list',
    data: kept.map(toObject),
    first_id: kept[0]?.id ?? null,
    last_id: kept.at(-1)?.id ?? null,
    has_more: hasMore,
  };
}

function pageText(
  source: ListSource,
  scopeSize: number,
  order: 'asc' | 'desc',
  ascending: boolean,
): string {
  const [after, before, limit] = [scopeSize + 1, scopeSize + 2, scopeSize + 3].map((n) => `$${n}`);
  const [onAfter, onBefore] = order === 'asc' ? ['>', '<'] : ['<', '>'];
  const type = source.orderBy === 'id' ? 'text' : 'bigint';
  return `select ${source.columns} from ${source.table} where ${source.scope}
    and (${after}::${type} is null or ${source.orderBy} ${onAfter} ${after}::${type})
    and (${before}::${type} is null or ${source.orderBy} ${onBefore} ${before}::${type})
    order by ${source.orderBy} ${ascending ? 'asc' : 'desc'} limit ${limit}::integer`;
}

async function cursor(
  db: Queryable,
  source: ListSource,
  scopeValues: readonly unknown[],
  param: 'after' | 'before',
  id: string | undefined,
): Promise<string | number | null> {
  if (id === undefined) return null;
  const rows = await query<{ position: string | number }>(
    db,
    `${source.name}.cursor`,
    `select ${source.orderBy} as position from ${source.table} where ${source.scope} and id = $${scopeValues.length + 1}`,
    [...scopeValues, id],
  );
  const row = rows[0];
  if (row === undefined) throw unknownCursor(param, id);
  return row.position;
}
