/** How clients read the objects of a project: one by its id, and pages of their list. */
import type { MissingKind } from '../../wire/errors/errors.ts';
import type { ProjectId } from '../../wire/ids.ts';
import { idAt } from '../../wire/ids.ts';
import type { ListEnvelope, Metadata } from '../../wire/types.ts';
import { toJson } from './json.ts';
import type { ListQuery, ListSource } from './list-page.ts';
import { BY_PLACE, listPage, placeOf } from './list-page.ts';
import type { Queryable } from './pool.ts';
import { readById } from './read-by-id.ts';

/** `get` throws ApiError 404. */
export function readers<Row extends { id: string }, T>(
  kind: MissingKind,
  source: Omit<ListSource, 'name' | 'scope'>,
  toObject: (row: Row) => T,
) {
  const { columns, table } = source;
  return {
    get: (db: Queryable, project: ProjectId, id: Row['id']): Promise<Row> =>
      readById(db, kind, `select ${columns} from ${table}`, { id, project_id: project }),
    /** The newest first, unless the page says otherwise. */
    list: (db: Queryable, project: ProjectId, page: Page): Promise<ListEnvelope<T>> => {
      const scope = { project_id: project };
      const listed = { ...source, name: `${kind}.list`, scope };
      return listPage(db, listed, { order: 'desc', ...page }, toObject);
    },
  };
}

type Page = Pick<ListQuery, 'limit' | 'after'> & Partial<ListQuery>;

export type Listed = {
  table: 'threads' | 'runs';
  kind: 'thread' | 'run';
  columns: string;
  project: ProjectId;
};

export type ProjectListQuery = ListQuery & Age & { metadata: Metadata };

export type Age = { created_after?: number | undefined; created_before?: number | undefined };

/** Seconds. Ids grow with the clocks of the processes that mint them, which may differ from the database's. */
const CLOCKS_DIFFER = 3_600;

/** Binds a value to the next parameter. */
type Bind = (value: unknown) => string;

/** Of all threads or runs, by what a client asks for. `equal`: columns with the values that are asked for, if they are. */
export function projectList(
  { table, kind, columns, project }: Listed,
  query: ProjectListQuery,
  equal: Readonly<Record<string, string | undefined>> = {},
): ListSource {
  const asked = Object.entries(equal).filter(
    (each): each is [string, string] => each[1] !== undefined,
  );
  const scope = { project_id: project, ...Object.fromEntries(asked) };
  const values: unknown[] = [];
  const bind: Bind = (value) => `$${Object.keys(scope).length + values.push(value)}`;
  const pairs = Object.entries(query.metadata).toSorted((a, b) => b[1].length - a[1].length);
  const orderBy = table === 'threads' ? BY_PLACE : 'id';
  const where = [
    ...(pairs[0] === undefined ? [] : ofMetadata(table, pairs[0], query.metadata, bind)),
    ...ofAge(kind, orderBy, query, bind),
  ];
  return {
    name: `${table}.all`,
    columns,
    table: pairs[0] === undefined ? table : withPairs(table),
    scope,
    filter: { where: where.join(' and ') || 'true', values },
    orderBy,
    places: table === 'threads' ? { kind, table } : { kind },
    // Which index is good depends on how rare the value is.
    ...((where.length > 0 || asked.length > 0) && { isPlannedAnew: true }),
  };
}

/** The rows are read in the order of one pair. They may have changed since it was indexed, and two pairs may have one number. */
function ofMetadata(
  table: string,
  [key, value]: [string, string],
  metadata: Metadata,
  bind: Bind,
): string[] {
  const pair = `pair = metadata_pair(${bind(key)}::text, ${bind(value)}::text)`;
  return [`list = '${table}'`, pair, `metadata @> ${bind(toJson(metadata))}::jsonb`];
}

function withPairs(table: Listed['table']): string {
  const place = table === 'threads' ? placeOf('t.') : 't.id';
  return `(select t.*, p.list, p.pair from metadata_pairs p join ${table} t on ${place} = p.id and t.project_id = p.project_id) listed`;
}

/** The bounds of ids find the place in the index. `created_at` decides, where the list has it. */
export function ofAge(
  kind: 'thread' | 'run' | 'message',
  id: string,
  { created_after: after, created_before: before }: Age,
  bind: Bind,
): string[] {
  const time = (compare: string, seconds: number) => `created_at ${compare} ${bind(seconds)}`;
  return [
    ...(after === undefined
      ? []
      : [time('>', after), `${id} > ${bind(idAt(kind, after - CLOCKS_DIFFER))}`]),
    ...(before === undefined
      ? []
      : [time('<', before), `${id} < ${bind(idAt(kind, before + CLOCKS_DIFFER))}`]),
  ];
}
