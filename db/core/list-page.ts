/**
 * limit/order/after/before → one statement and the list envelope. A list is ordered by a column that never ties. A cursor
 * is a place in the list: its object may be outside the filter, or gone. It is looked up in the list's own scope, so a
 * foreign id is unknown.
 */
import { unknownCursor } from '../../wire/errors.ts';
import type { ListEnvelope } from '../../wire/types.ts';
import type { ListName } from './list-places.ts';
import type { Queryable } from './pool.ts';
import { query } from './pool.ts';
import { equal } from './read-by-id.ts';

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
  /** The ids of what the list is of, by their columns: $1, $2 … */
  scope: Readonly<Record<string, string>>;
  /** Conditions on what is shown of it; its parameters are numbered on from the scope's. */
  filter?: { where: string; values: readonly unknown[] };
  /** Unique within the scope, growing with age. */
  orderBy: 'id' | 'seq' | 'coalesce(list_place, seq)';
  /** Where the places of objects that left are kept, and the scope's value that is their owner. */
  places?: { list: ListName; owner: `$${number}` };
};

/**
 * Reads one page, newest first unless asked otherwise. `before` returns the page that ends just before that id, in the
 * requested order.
 * @throws ApiError 400 invalid_value when the cursor names nothing in this list
 */
export async function listPage<Row extends { id: string }, T>(
  db: Queryable,
  source: ListSource,
  page: ListQuery,
  toObject: (row: Row) => T,
): Promise<ListEnvelope<T>> {
  const after = await findPlace(db, source, 'after', page.after);
  const before = await findPlace(db, source, 'before', page.before);
  // A page that ends before a cursor is read backwards from it, then turned round.
  const backwards = before !== null && after === null;
  const ascending = (page.order === 'asc') !== backwards;
  const values = [...Object.values(source.scope), ...(source.filter?.values ?? [])];
  const rows = await query<Row>(
    db,
    `${source.name}.page.${ascending ? 'asc' : 'desc'}.${page.order}`,
    pageText(source, values.length, page.order, ascending),
    [...values, after, before, page.limit + 1],
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
  valueCount: number,
  order: 'asc' | 'desc',
  ascending: boolean,
): string {
  const [after, before, limit] = [valueCount + 1, valueCount + 2, valueCount + 3].map(
    (n) => `$${n}`,
  );
  const [onAfter, onBefore] = order === 'asc' ? ['>', '<'] : ['<', '>'];
  const type = source.orderBy === 'id' ? 'text' : 'bigint';
  return `select ${source.columns} from ${source.table}
    where ${equal(source.scope)} and ${source.filter?.where ?? 'true'}
    and (${after}::${type} is null or ${source.orderBy} ${onAfter} ${after}::${type})
    and (${before}::${type} is null or ${source.orderBy} ${onBefore} ${before}::${type})
    order by ${source.orderBy} ${ascending ? 'asc' : 'desc'} limit ${limit}::integer`;
}

async function findPlace(
  db: Queryable,
  source: ListSource,
  param: 'after' | 'before',
  id: string | undefined,
): Promise<string | number | null> {
  if (id === undefined) return null;
  const rows = await query<{ place: string | number | null }>(
    db,
    `${source.name}.place`,
    placeText(source),
    [...Object.values(source.scope), id],
  );
  const place = rows[0]?.place ?? null;
  if (place === null) throw unknownCursor(param, id);
  return place;
}

/** One statement, so that an object which leaves meanwhile is found in one of the two. */
function placeText({ table, scope, orderBy, places }: ListSource): string {
  const id = `$${Object.keys(scope).length + 1}`;
  const there = `(select ${orderBy} from ${table} where ${equal(scope)} and id = ${id})`;
  if (places === undefined) return `select ${there} as place`;
  return `select coalesce(${there}, (select ${orderBy === 'id' ? 'id' : 'place'} from list_places
    where list = '${places.list}' and owner = ${places.owner} and id = ${id})) as place`;
}
