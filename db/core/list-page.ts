/**
 * limit/order/after/before → one statement and the list envelope. A list is ordered by a column that never ties. A cursor
 * is a place in the list: its object may be outside the filter, or gone. It is looked up in the list's own scope, so a
 * foreign id is unknown.
 */
import { unknownCursor } from '../../wire/errors/errors.ts';
import type { IdKind } from '../../wire/ids.ts';
import { isIdOf } from '../../wire/ids.ts';
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

/**
 * SQL of the place of an object that may have been copied from another server with its id. With `coalesce`, which Postgres does not
 * call leakproof, row-level security would keep a cursor out of the index: a page would read all rows before it.
 */
export const placeOf = <T extends string>(table: T) =>
  `case when ${table}list_place is null then ${table}id else ${table}list_place end` as const;
export const BY_PLACE = placeOf('');

/** For short lists of objects whose ids do not grow with their age. */
export const BY_AGE = `lpad(created_at::text, 11, '0') || id`;

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
  orderBy:
    'id' | 'message_id' | 'seq' | typeof BY_PLACE | 'coalesce(list_place, seq)' | typeof BY_AGE;
  /** SQL: about as many bytes as a row has. For lists with rows so small that they need not be measured one by one. */
  rowBytes?: string;
  /**
   * Where the places of objects that left are kept, and the scope's value that is their owner. A list of all objects of a kind is
   * ordered by their ids: any of them is a place, unless `table` has another for it.
   */
  places?:
    { list: ListName; owner: `$${number}` } | { kind: IdKind; table?: 'threads' | 'messages' };
  /** Which plan is good depends on the values: one is made for each statement. */
  isPlannedAnew?: true;
};

/** Bytes after which a page ends, in the rows' JSON. It has one object at least, so it may be larger by one. */
export const PAGE_BYTES = 4 * 1024 * 1024;

/**
 * Reads one page, newest first unless asked otherwise. `before` returns the page that ends just before that id, in the
 * requested order. A page of large objects has fewer than `limit`, and more behind it.
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
  const rows = await readRows(db, source, {
    ascending: (page.order === 'asc') !== backwards,
    start: backwards ? before : after,
    end: backwards ? null : before,
    limit: page.limit,
  });
  const kept = rows
    .slice(0, page.limit)
    .flatMap(({ row }) => (row === null ? [] : [JSON.parse(row) as Row]));
  if (backwards) kept.reverse();
  return {
    object: 'list',
    data: kept.map(toObject),
    first_id: kept[0]?.id ?? null,
    last_id: kept.at(-1)?.id ?? null,
    has_more: kept.length < rows.length,
  };
}

type Place = string | number | null;
/** From behind `start` up to before `end`. */
type Reading = { ascending: boolean; start: Place; end: Place; limit: number };

/** The page's rows as JSON. One entry more, a row or null, means that the list goes on. */
async function readRows(
  db: Queryable,
  source: ListSource,
  { ascending, start, end, limit }: Reading,
): Promise<{ row: string | null }[]> {
  const { columns, table, scope, filter, orderBy } = source;
  const values = [...Object.values(scope), ...(filter?.values ?? [])];
  const bind = (value: number | string) =>
    `$${values.push(value)}::${typeof value === 'string' ? 'text' : 'bigint'}`;
  const [onwards, back, order] = ascending ? ['>', '<', 'asc'] : ['<', '>', 'desc'];
  const inside = end === null ? 'true' : `${orderBy} ${back} ${bind(end)}`;
  const behind = (place: string) => `select ${columns}, ${orderBy} as place from ${table}
    where ${equal(scope)} and ${filter?.where ?? 'true'} and ${inside} and ${place} order by ${orderBy} ${order}`;
  const first = behind(start === null ? 'true' : `${orderBy} ${onwards} ${bind(start)}`);
  const bounds = `${start === null ? '' : '.start'}${end === null ? '' : '.end'}`;
  const name = source.isPlannedAnew ? null : `${source.name}.page.${order}${bounds}`;
  if (source.rowBytes !== undefined) {
    return query(db, name, atOnce(first, source.rowBytes, bind(limit), order), values);
  }
  const next = behind(`${orderBy} ${onwards} p.place`);
  return query(db, name, oneByOne(first, next, bind(limit)), values);
}

/** Neither Postgres nor this process reads more than the page: a row is found through the index once the last has been measured. */
function oneByOne(first: string, next: string, limit: string): string {
  return `with recursive page(number, place, bytes, row) as (
      (select 1, o.place, 0::bigint, row_to_json(o)::text from (${first} limit 1) o)
      union all
      (select p.number + 1, o.place, p.bytes + octet_length(p.row),
         case when p.number < ${limit} and p.bytes + octet_length(p.row) < ${PAGE_BYTES} then row_to_json(o)::text end
       from page p cross join lateral (${next} limit 1) o where p.row is not null))
    select row from page order by number`;
}

/** Thousands of small rows cost less when they are read together. */
function atOnce(first: string, rowBytes: string, limit: string, order: string): string {
  return `select case when bytes_through - (${rowBytes}) < ${PAGE_BYTES} then row_to_json(o)::text end as row
    from (select f.*, sum(${rowBytes}) over (order by place ${order} rows unbounded preceding) as bytes_through
      from (${first} limit ${limit} + 1) f) o order by place ${order}`;
}

async function findPlace(
  db: Queryable,
  source: ListSource,
  param: 'after' | 'before',
  id: string | undefined,
): Promise<Place> {
  if (id === undefined) return null;
  if (source.places !== undefined && 'kind' in source.places) {
    if (!isIdOf(source.places.kind, id)) throw unknownCursor(param, id);
    const { table } = source.places;
    return table === undefined ? id : readPlace(db, table, source.scope.project_id!, id);
  }
  const rows = await query<{ place: Place }>(db, `${source.name}.place`, placeText(source), [
    ...Object.values(source.scope),
    id,
  ]);
  const place = rows[0]?.place ?? null;
  if (place === null) throw unknownCursor(param, id);
  return place;
}

async function readPlace(
  db: Queryable,
  table: string,
  project: string,
  id: string,
): Promise<string> {
  const text = `select list_place as place from ${table} where id = $1 and project_id = $2`;
  const rows = await query<{ place: string | null }>(db, `${table}.place`, text, [id, project]);
  return rows[0]?.place ?? id;
}

/** One statement, so that an object which leaves meanwhile is found in one of the two. */
function placeText({ table, scope, orderBy, places }: ListSource): string {
  const id = `$${Object.keys(scope).length + 1}`;
  const there = `(select ${orderBy} from ${table} where ${equal(scope)} and id = ${id})`;
  if (places === undefined || 'kind' in places) return `select ${there} as place`;
  const isNamed = orderBy === 'id' || orderBy === BY_PLACE;
  return `select coalesce(${there}, (select ${isNamed ? 'coalesce(named_place, id)' : 'place'} from list_places
    where list = '${places.list}' and owner = ${places.owner} and id = ${id})) as place`;
}
