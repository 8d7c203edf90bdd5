import type { MissingKind } from '../../wire/errors.ts';
import { notFound } from '../../wire/errors.ts';

/** The row that a lookup by id returned. @throws ApiError 404 when it returned none */
export function found<Row>(row: Row | undefined, kind: MissingKind, id: string): Row {
  if (row === undefined) throw notFound(kind, id);
  return row;
}
