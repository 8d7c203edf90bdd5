/**
 * The fields that all events of a run show alike can have megabytes. Events leave them to the run's row, and readers get
 * them back: a stream carries the same bytes as if each event were stored whole, as those of 0.1.0 are.
 */
import type { RunId } from '../../wire/ids.ts';
import type { RunRow } from '../../wire/rows.ts';
import type { RunEvent } from '../../wire/types.ts';
import { toJson } from '../core/json.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';

type Shared = Pick<RunRow, 'instructions' | 'tools' | 'response_format'>;

/** Events show `tools` as a list: null says that the fields are left out. They keep their places among the others. */
const LEFT_OUT = { instructions: null, tools: null, response_format: null };
/** Characters of JSON. A short event is stored whole: its readers need no further statement. */
const STORED_WHOLE = 4_096;

/** The JSON text that is stored. */
export function storedData({ event, data }: RunEvent): string {
  const whole = toJson(data);
  if (whole.length <= STORED_WHOLE || !showsRun(event)) return whole;
  return toJson({ ...(data as object), ...LEFT_OUT });
}

const showsRun = (event: string): boolean => /^thread\.run\.(?!step\.)/.test(event);

type Row = { event: string; data: string };

/** The events as clients see them. Those of a run that was deleted since they were read are left out. */
export async function withSharedFields<R extends Row>(
  db: Queryable,
  rows: R[],
  runOf: (row: R) => RunId,
): Promise<R[]> {
  const ids = new Set(rows.filter(isShort).map(runOf));
  if (ids.size === 0) return rows;
  const runs = await query<Shared & { id: RunId }>(
    db,
    'run-events.shared-fields',
    'select id, instructions, tools, response_format from runs where id = any($1::text[])',
    [[...ids]],
  );
  const shared = new Map(runs.map(({ id, ...fields }) => [id, fields]));
  return rows
    .filter((row) => !ids.has(runOf(row)) || shared.has(runOf(row)))
    .map((row) => (isShort(row) ? { ...row, data: restored(row, shared.get(runOf(row))!) } : row));
}

/** A whole event may have the same text in the schema of an answer: `restored` looks closer. */
const isShort = ({ event, data }: Row): boolean => showsRun(event) && data.includes('"tools":null');

function restored({ data }: Row, shared: Shared): string {
  const run = JSON.parse(data) as { tools: unknown };
  return run.tools === null ? JSON.stringify({ ...run, ...shared }) : data;
}
