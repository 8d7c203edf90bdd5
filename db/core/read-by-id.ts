import type { MissingKind } from '../../wire/errors/errors.ts';
import { notFound } from '../../wire/errors/errors.ts';
import type { Queryable } from './pool.ts';
import { query } from './pool.ts';

/** The object's id and the ids of its owners, by their columns. */
type Ids = { id: string; [column: string]: string };

/** SQL: these columns equal $1, $2 …; true without columns. */
export function equal(columns: Readonly<Record<string, unknown>>): string {
  const conditions = Object.keys(columns).map((column, index) => `${column} = $${index + 1}`);
  return conditions.join(' and ') || 'true';
}

/** Reads the row with these ids. `select` is the statement up to its condition. @throws ApiError 404 */
export async function readById<Row extends object>(
  db: Queryable,
  kind: MissingKind,
  select: string,
  ids: Ids,
): Promise<Row> {
  const text = `${select} where ${equal(ids)}`;
  return found((await query<Row>(db, `${kind}.get`, text, Object.values(ids)))[0], kind, ids.id);
}

/** The row that a statement returned for this id. @throws ApiError 404 when it returned none */
export function found<Row>(row: Row | undefined, kind: MissingKind, id: string): Row {
  if (row === undefined) throw notFound(kind, id);
  return row;
}
