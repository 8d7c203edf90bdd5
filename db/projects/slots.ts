/**
 * Numbered slots for what may happen only so often at once, such as streams. A process renews the slots that it holds; those
 * of a killed process become free when their time is over.
 */
import type { KeyId, ProjectId } from '../../wire/ids.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { inProject, inWholeDatabase } from '../core/row-scope.ts';

export type SlotKind = 'streams' | 'searches';
export type SlotPool = {
  project: ProjectId;
  owner: ProjectId | KeyId;
  kind: SlotKind;
  /** Slots that there are. */
  limit: number;
};
/** `holder` names one holding, so that nobody gives back the slot of another. */
export type Slot = { project: ProjectId; owner: string; kind: SlotKind; holder: string };

const HELD_SECONDS = 30;
export const RENEW_MS = 10_000;

/** Another process may take the same free slot first: then the next one is tried. */
const TRIES = 20;

/** Takes a free slot; false when all are held. */
export async function takeSlot(db: Queryable, pool: SlotPool, holder: string): Promise<boolean> {
  for (let tries = 0; tries < TRIES; tries++) {
    const rows = await query<{ free: boolean; taken: boolean }>(
      db,
      'slots.take',
      `with free as (
         select n from generate_series(1, $4::int) n where not exists (
           select from limit_slots s where s.owner = $2 and s.kind = $3 and s.n = n.n and s.until > clock_timestamp())
         order by random() limit 1),
       taken as (
         insert into limit_slots as s (project_id, owner, kind, n, holder, until)
         select $1, $2, $3, n, $5, clock_timestamp() + interval '${HELD_SECONDS} seconds' from free
         on conflict (owner, kind, n) do update set holder = excluded.holder, until = excluded.until
           where s.until <= clock_timestamp() returning n)
       select exists (select from free) as free, exists (select from taken) as taken`,
      [pool.project, pool.owner, pool.kind, pool.limit, holder],
    );
    const { free, taken } = rows[0]!;
    if (taken || !free) return taken;
  }
  return false;
}

export async function renewSlots(db: Queryable, slots: readonly Slot[]): Promise<void> {
  // Those of all projects at once.
  await inWholeDatabase(() =>
    query(
      db,
      'slots.renew',
      `update limit_slots set until = clock_timestamp() + interval '${HELD_SECONDS} seconds'
       where holder = any($1::text[])`,
      [slots.map(({ holder }) => holder)],
    ),
  );
}

/** Also when the request is over. */
export async function giveBackSlot(
  db: Queryable,
  { project, owner, kind, holder }: Slot,
): Promise<void> {
  await inProject(project, () =>
    query(
      db,
      'slots.give-back',
      'delete from limit_slots where owner = $1 and kind = $2 and holder = $3',
      [owner, kind, holder],
    ),
  );
}
