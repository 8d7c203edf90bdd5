/** Deletes events of deleted runs, and takes the content of deleted messages out of events. */
import type { MessageId, RunId } from '../../wire/ids.ts';
import { ACTIVE_STATUSES } from '../../wire/run-status.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { query, withTransaction } from '../core/pool.ts';
import { runDay } from './run-events.ts';

/** Deletes all events of runs that are deleted. */
export async function deleteEvents(db: Queryable, runIds: readonly RunId[]): Promise<void> {
  // A day at a time: that is one partition, whose index finds each run.
  const days = [...Map.groupBy(runIds, runDay)];
  await Promise.all(
    days.map(([day, ids]) =>
      query(
        db,
        'run-events.delete',
        'delete from run_events where run_day = $1::date and run_id = any($2::text[])',
        [day, ids],
      ),
    ),
  );
}

/** Takes a deleted message's content out of its run's events. They keep their places: a reader may be among them. */
export async function eraseMessage(
  db: Queryable,
  runId: RunId,
  messageId: MessageId,
): Promise<void> {
  await query(
    db,
    'run-events.erase-message',
    `update run_events set data = jsonb_set(data::jsonb,
       case when data -> 'delta' is null then '{content}' else '{delta,content}' end::text[], '[]')::json
     where run_day = $1::date and run_id = $2 and data ->> 'id' = $3`,
    [runDay(runId), runId, messageId],
  );
}

/**
 * For the deletion of runs, or of a message of one: those that are being written, or just were, may have a delta under way
 * that no lock keeps back. `eraseDue` comes for it.
 */
export async function eraseLater(
  tx: Tx,
  runIds: readonly RunId[],
  messageId: MessageId | null,
): Promise<void> {
  await query(
    tx,
    'run-events.erase-later',
    `insert into pending_erasures (run_id, message_id) select id, $2 from runs
     where id = any($1::text[]) and (status = any($3::text[]) or updated_at > clock_timestamp() - interval '1 minute')`,
    [runIds, messageId, ACTIVE_STATUSES],
  );
}

/** Erases what is due, except of runs that are still active. */
export async function eraseDue(pool: Pool): Promise<void> {
  await withTransaction(pool, async (tx) => {
    const due = await query<{ run_id: RunId; message_id: MessageId | null }>(
      tx,
      'run-events.erasures-due',
      `delete from pending_erasures e where due_at < clock_timestamp()
         and not exists (select from runs r where r.id = e.run_id and r.status = any($1::text[]))
       returning run_id, message_id`,
      [ACTIVE_STATUSES],
    );
    for (const { run_id: runId, message_id: messageId } of due) {
      await (messageId === null ? deleteEvents(tx, [runId]) : eraseMessage(tx, runId, messageId));
    }
  });
}
