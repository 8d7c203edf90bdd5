/**
 * Writes and reads run_events; erase-events.ts deletes from it. (run_id, seq) has no gaps and follows commit order: state events are
 * appended under the run's row lock, deltas by the one attempt that owns the run. NOTIFY carries run ids only.
 */
import type { RunId } from '../../wire/ids.ts';
import { dayOfId } from '../../wire/ids.ts';
import type { RunEvent } from '../../wire/types.ts';
import { toJson } from '../core/json.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { columnsOf, query } from '../core/pool.ts';
import { inWholeDatabase } from '../core/row-scope.ts';
import { storedData, withSharedFields } from './shared-fields.ts';

export const EVENTS_CHANNEL = 'run_events';

/** Carries the id of an active run that was deleted with its thread: no event tells its readers. */
export const DELETED_CHANNEL = 'run_deleted';

/** `data` is JSON text. */
export type StoredEvent = { seq: number; event: string; data: string };

export class FencedError extends Error {
  override name = 'FencedError';
}

/** The partition of a run. Run ids are minted here, so their time is always readable. */
export function runDay(runId: RunId): string {
  return dayOfId(runId) ?? '1970-01-01';
}

/**
 * Appends events after the newest stored one and wakes the readers when the transaction commits.
 * With `owner`, only while that attempt owns the run.
 * @returns the seq of the first appended event
 * @throws FencedError when the run is gone or another attempt owns it
 */
export async function appendEvents(
  tx: Tx,
  runId: RunId,
  events: RunEvent[],
  owner?: string,
): Promise<number> {
  const rows = await query<{ first: number }>(
    tx,
    'run-events.append',
    `with run as (
       update runs set updated_at = clock_timestamp(), last_event_seq = $4::integer + greatest(last_event_seq,
         coalesce((select max(seq) from run_events where run_day = $1::date and run_id = $2), 0))
       where id = $2 and ($3::text is null or owner = $3) returning last_event_seq - $4 as before),
     stored as (
       insert into run_events (run_day, run_id, seq, event, data)
       select $1::date, $2, run.before + e.position, e.event, e.data::json
       from run, unnest($5::text[], $6::text[]) with ordinality as e(event, data, position))
     select before + 1 as first, pg_notify('${EVENTS_CHANNEL}', $2) from run`,
    [
      runDay(runId),
      runId,
      owner ?? null,
      events.length,
      events.map((event) => event.event),
      events.map(storedData),
    ],
  );
  if (rows[0] === undefined) throw new FencedError(`Run ${runId} is written by somebody else.`);
  return rows[0].first;
}

/** One run's events after `afterSeq`, in order, at most `limit`. */
export async function readEvents(
  db: Queryable,
  runId: RunId,
  afterSeq: number,
  limit = 1_000,
): Promise<StoredEvent[]> {
  const rows = await query<StoredEvent>(
    db,
    'run-events.read',
    `select seq, event, data from run_events where run_day = $1::date and run_id = $2 and seq > $3
     order by seq limit $4`,
    [runDay(runId), runId, afterSeq, limit],
  );
  return withSharedFields(db, rows, () => runId);
}

/**
 * The newest stored event that a reader at `seq` has seen, and whether it is the run's newest. A place behind the last
 * event is the last event's. Undefined: no event is stored there.
 */
export async function readEventAt(
  db: Queryable,
  runId: RunId,
  seq: number,
): Promise<{ seq: number; event: string; newest: boolean } | undefined> {
  const rows = await query<{ seq: number; event: string; newest: boolean }>(
    db,
    'run-events.read-at',
    `select seq, event, not exists (select from run_events n
       where n.run_day = $1::date and n.run_id = $2 and n.seq > e.seq) as newest
     from run_events e where run_day = $1::date and run_id = $2 and seq <= $3 order by seq desc limit 1`,
    [runDay(runId), runId, seq],
  );
  return rows[0];
}

/**
 * Holds the number of the run's next event until the transaction ends: deltas take no lock on their run, and one that
 * comes now finds its number taken, as another owner's would be. Calls `read` with all events before it.
 */
export async function withEventsHeld<T>(
  tx: Tx,
  runId: RunId,
  afterSeq: number,
  read: (events: StoredEvent[]) => Promise<T>,
): Promise<T> {
  const day = runDay(runId);
  let held: number | undefined;
  while (held === undefined) {
    // A delta was quicker: it counts, and the number after it is tried.
    const rows = await query<{ seq: number }>(
      tx,
      'run-events.hold',
      `insert into run_events (run_day, run_id, seq, event, data)
       select $1::date, $2, coalesce(max(seq), 0) + 1, 'held', 'null' from run_events
       where run_day = $1::date and run_id = $2 on conflict do nothing returning seq`,
      [day, runId],
    );
    held = rows[0]?.seq;
  }
  const result = await read(await readEvents(tx, runId, afterSeq, held - afterSeq - 1));
  await query(
    tx,
    'run-events.release',
    'delete from run_events where run_day = $1::date and run_id = $2 and seq = $3',
    [day, runId, held],
  );
  return result;
}

/** A reader's place in a run's events. */
export type Position = { runId: RunId; day: string; afterSeq: number; project: string };

/**
 * Reads many runs at once. LATERAL with a limit pins the primary key's index; a plain join is planned as a scan of the
 * whole table. `position` is the index of a row's position, from 1. The runs may be of several projects, whose readers were
 * let in before. Each has as many rows as `most` says, and none after the one that reaches the bytes.
 */
export async function readEventsOfMany(
  db: Queryable,
  positions: Position[],
  most: { rows: number; bytes: number },
): Promise<(StoredEvent & { position: number })[]> {
  return inWholeDatabase(async () => {
    const rows = await query<StoredEvent & { position: number }>(
      db,
      'run-events.read-many',
      `select w.place::integer as position, e.seq, e.event, e.data
       from unnest($1::date[], $2::text[], $3::integer[], $5::text[]) with ordinality
         as w(run_day, run_id, after_seq, project, place)
       cross join lateral (select seq, event, data, sum(bytes) over (order by seq) - bytes as before
         from (select seq, event, data, octet_length(data::text) as bytes from run_events r
           where r.run_day = w.run_day and r.run_id = w.run_id and r.seq > w.after_seq and r.project_id = w.project
           order by r.seq limit $4) page) e
       where e.before < $6::integer
       order by w.place, e.seq`,
      [
        ...columnsOf(positions, 'day', 'runId', 'afterSeq'),
        most.rows,
        ...columnsOf(positions, 'project'),
        most.bytes,
      ],
    );
    return withSharedFields(db, rows, ({ position }) => positions[position - 1]!.runId);
  });
}

/** One delta of one run, for the batch that a worker process writes at once. */
export type OwnedEvent = {
  runId: RunId;
  day: string;
  owner: string;
  seq: number;
  event: RunEvent;
};

/** The runs whose event is stored already, by an attempt that owns the run still. */
export async function findStoredDeltas(db: Queryable, deltas: OwnedEvent[]): Promise<Set<string>> {
  const rows = await query<{ run_id: RunId }>(
    db,
    'run-events.find-deltas',
    `select d.run_id
     from unnest($1::date[], $2::text[], $3::text[], $4::integer[], $5::text[]) as d(run_day, run_id, owner, seq, data)
     join runs r on r.id = d.run_id and r.owner = d.owner
     join run_events e on e.run_day = d.run_day and e.run_id = d.run_id and e.seq = d.seq and e.data::text = d.data`,
    [
      ...columnsOf(deltas, 'day', 'runId', 'owner', 'seq'),
      deltas.map((delta) => toJson(delta.event.data)),
    ],
  );
  return new Set(rows.map((row) => row.run_id));
}

/**
 * Inserts at most one event per run, all runs of the process in one statement, and notifies once per 200 runs.
 * @returns the runs whose event was stored; a run that is missing has another owner
 */
export async function insertDeltas(db: Queryable, deltas: OwnedEvent[]): Promise<Set<string>> {
  const rows = await query<{ run_id: RunId }>(
    db,
    'run-events.deltas',
    `with stored as (
       insert into run_events (run_day, run_id, seq, event, data, project_id)
       select d.run_day, d.run_id, d.seq, d.event, d.data::json, r.project_id
       from unnest($1::date[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::text[])
         as d(run_day, run_id, owner, seq, event, data)
       join runs r on r.id = d.run_id and r.owner = d.owner
       on conflict do nothing returning run_id),
     notified as (
       select pg_notify('${EVENTS_CHANNEL}', string_agg(run_id, ','))
       from (select run_id, (row_number() over () - 1) / 200 as part from stored) numbered group by part)
     select run_id, (select count(*) from notified) from stored`,
    [
      ...columnsOf(deltas, 'day', 'runId', 'owner', 'seq'),
      deltas.map((delta) => delta.event.event),
      deltas.map((delta) => toJson(delta.event.data)),
    ],
  );
  return new Set(rows.map((row) => row.run_id));
}
