/**
 * Batches at model servers: pending turns become a group, the group is sent, and its answers are stored. Statements see the
 * turns of all projects; each names its turns by group, run and number.
 */
import type { BatchId, RunId } from '../../wire/ids.ts';
import type { Delivery } from '../core/deliveries.ts';
import { toJson } from '../core/json.ts';
import type { Queryable } from '../core/pool.ts';
import { columnsOf, query } from '../core/pool.ts';
import type { UpstreamAnswer, UpstreamState } from './upstream-turns.ts';
import { WANTED } from './upstream-turns.ts';

/** Limits that close a group: its lines, its bytes, and the wait of its first turn. */
export type GroupLimits = { lines: number; bytes: number; ms: number };

export type UpstreamBatch = {
  /** Names the group at the model server, also while the id of its batch there is not known. */
  id: string;
  file_id: string | null;
  upstream_id: string | null;
  polls: number;
  /** The creation was asked for before, so many seconds ago. */
  tried_seconds: number | null;
};

/** SQL: a turn `t` that may be sent. A paused batch `b` sends none. */
const READY = `t.state = 'pending' and not b.paused and ${WANTED}`;

/** Makes a group of the first pending turns of a model, if one is due. */
export async function closeGroup(
  db: Queryable,
  model: string,
  { lines, bytes, ms }: GroupLimits,
): Promise<boolean> {
  const rows = await query(
    db,
    'upstream-batches.close',
    `with ready as (
       select t.workflow_id, t.turn, t.waits_from, count(*) over places as lines, sum(t.bytes) over places as bytes
       from upstream_turns t join batches b on b.id = t.batch_id
       where t.model = $1 and ${READY} and t.waits_from <= clock_timestamp()
       window places as (order by t.waits_from, t.workflow_id, t.turn)),
     made as (
       insert into upstream_batches (model) select $1 from ready
       having max(lines) >= $2 or max(bytes) >= $3 or min(waits_from) <= clock_timestamp() - $4 * interval '1 ms' returning id)
     update upstream_turns t set state = 'sent', upstream_batch_id = made.id from made, ready
     where t.workflow_id = ready.workflow_id and t.turn = ready.turn and t.state = 'pending'
       and ready.lines <= $2 and ready.bytes <= $3
     returning t.turn`,
    [model, lines, bytes, ms],
  );
  return rows.length > 0;
}

/** Groups of the model whose next step is due, the oldest first. */
export async function listDueGroups(db: Queryable, model: string): Promise<UpstreamBatch[]> {
  return query<UpstreamBatch>(
    db,
    'upstream-batches.due',
    `select id, file_id, upstream_id, polls, extract(epoch from clock_timestamp() - tried_at)::float8 as tried_seconds
     from upstream_batches where model = $1 and next_at <= clock_timestamp() order by created_at, id`,
    [model],
  );
}

/** In ms: until a group is to be closed, sent or looked at. Null: there is neither a group nor a turn that waits for one. */
export async function nextStep(db: Queryable, model: string, ms: number): Promise<number | null> {
  const rows = await query<{ ms: number | null }>(
    db,
    'upstream-batches.next',
    `select extract(epoch from least(
       (select min(next_at) from upstream_batches where model = $1),
       (select min(t.waits_from) + $2 * interval '1 ms'
        from upstream_turns t join batches b on b.id = t.batch_id where t.model = $1 and ${READY}),
       (select clock_timestamp() + greatest($2, 1000) * interval '1 ms' from upstream_turns
        where model = $1 and state = 'pending' limit 1)) - clock_timestamp())::float8 * 1000 as ms`,
    [model, ms],
  );
  const next = rows[0]?.ms ?? null;
  return next === null ? null : Math.max(0, Math.ceil(next));
}

/** The batches that wait for turns of the group. */
export async function batchesOf(
  db: Queryable,
  id: string,
): Promise<{ id: BatchId; paused: boolean }[]> {
  return query<{ id: BatchId; paused: boolean }>(
    db,
    'upstream-batches.of',
    `select distinct b.id, b.paused from upstream_turns t join batches b on b.id = t.batch_id
     where t.upstream_batch_id = $1 and t.state = 'sent' and ${WANTED}`,
    [id],
  );
}

/** Of the lines of a group. */
export async function countBytes(db: Queryable, id: string): Promise<number> {
  const text = `select coalesce(sum(bytes), 0)::integer as bytes from upstream_turns where upstream_batch_id = $1 and line is not null`;
  return (await query<{ bytes: number }>(db, 'upstream-batches.bytes', text, [id]))[0]!.bytes;
}

/** Lines read at once: each has up to 4 MiB. */
const PAGE = 16;

/** The lines of a group, a page in memory. */
export async function* readGroup(db: Queryable, id: string): AsyncGenerator<string> {
  for (let after: [string, number] = ['', 0]; ;) {
    const rows = await query<{ workflow_id: string; turn: number; line: string }>(
      db,
      'upstream-batches.lines',
      `select workflow_id, turn, line from upstream_turns
       where upstream_batch_id = $1 and line is not null and (workflow_id, turn) > ($2, $3) order by workflow_id, turn limit ${PAGE}`,
      [id, ...after],
    );
    for (const { line } of rows) yield line;
    const last = rows.at(-1);
    if (last === undefined) return;
    after = [last.workflow_id, last.turn];
  }
}

export async function setFile(db: Queryable, id: string, fileId: string): Promise<void> {
  const text = 'update upstream_batches set file_id = $2 where id = $1';
  await query(db, 'upstream-batches.set-file', text, [id, fileId]);
}

/** Before the creation is asked for: an attempt after a crash finds that it may have been. */
export async function beginCreation(db: Queryable, id: string): Promise<void> {
  const text = 'update upstream_batches set tried_at = clock_timestamp() where id = $1';
  await query(db, 'upstream-batches.begin', text, [id]);
}

/** False: another attempt has made the group's batch, or ended the group. */
export async function setUpstreamId(
  db: Queryable,
  id: string,
  upstreamId: string,
): Promise<boolean> {
  const rows = await query(
    db,
    'upstream-batches.created',
    'update upstream_batches set upstream_id = $2 where id = $1 and upstream_id is null returning id',
    [id, upstreamId],
  );
  return rows.length > 0;
}

/** The next step of the group is due in `ms`. */
export async function putOff(db: Queryable, id: string, ms: number): Promise<void> {
  await query(
    db,
    'upstream-batches.put-off',
    `update upstream_batches set polls = polls + 1, next_at = clock_timestamp() + $2 * interval '1 ms' where id = $1`,
    [id, ms],
  );
}

export type GivenAnswer = { workflowId: string; turn: number; answer: UpstreamAnswer | null };

/**
 * Stores answers of the group; null: the turn is asked directly. An answer that is stored twice, or that nobody waits for,
 * changes nothing. @returns what tells the workflows
 */
export async function storeAnswers(
  db: Queryable,
  id: string,
  given: readonly GivenAnswer[],
): Promise<Delivery[]> {
  const rows = await query<{ id: number; workflow_id: RunId; turn: number }>(
    db,
    'upstream-batches.answers',
    `with given as (
       select * from unnest($2::text[], $3::integer[], $4::text[], $5::text[]) as g (workflow_id, turn, state, answer)),
     moved as (
       update upstream_turns t set state = g.state, answer = g.answer::json, line = null from given g
       where t.workflow_id = g.workflow_id and t.turn = g.turn and t.upstream_batch_id = $1 and t.state = 'sent'
       returning t.workflow_id, t.turn, t.run_id, t.project_id),
     lines as (
       update batch_lines l set state = 'running' from moved where l.run_id = moved.run_id and l.state = 'waiting')
     insert into deliveries (project_id, run_id, kind, payload, next_attempt_at)
     select project_id, workflow_id, 'answered', jsonb_build_object('kind', 'answered', 'turn', turn),
       clock_timestamp() + interval '1 second' from moved
     returning id, run_id as workflow_id, (payload ->> 'turn')::integer as turn`,
    [
      id,
      ...columnsOf(given, 'workflowId', 'turn'),
      given.map(({ answer }): UpstreamState => (answer === null ? 'direct' : 'answered')),
      given.map(({ answer }) => (answer === null ? null : toJson(answer))),
    ],
  );
  return rows.map(({ id: delivery, workflow_id, turn }) => ({
    id: delivery,
    workflowId: workflow_id,
    payload: { kind: 'answered', turn },
  }));
}

/** Turns of the group that have no answer, some at a time. */
export async function listUnanswered(db: Queryable, id: string): Promise<GivenAnswer[]> {
  return query<GivenAnswer>(
    db,
    'upstream-batches.unanswered',
    `select workflow_id as "workflowId", turn, null as answer from upstream_turns
     where upstream_batch_id = $1 and state = 'sent' limit 1000`,
    [id],
  );
}

/**
 * Forgets the group. Its turns that have no answer wait for another one, which may be closed in `ms`.
 * @returns its file; undefined: it was forgotten before
 */
export async function dissolveGroup(
  db: Queryable,
  id: string,
  ms: number,
): Promise<string | null | undefined> {
  const rows = await query<{ file_id: string | null }>(
    db,
    'upstream-batches.dissolve',
    `with back as (
       update upstream_turns set state = 'pending', upstream_batch_id = null, waits_from = greatest(waits_from, clock_timestamp() + ($2 - 1) * interval '1 ms')
       where upstream_batch_id = $1 and state = 'sent')
     delete from upstream_batches where id = $1 returning file_id`,
    [id, ms],
  );
  return rows[0]?.file_id;
}

/** Models that have groups or pending turns. */
export async function listUpstreamModels(db: Queryable): Promise<string[]> {
  const rows = await query<{ model: string }>(
    db,
    'upstream-batches.models',
    `select model from upstream_batches union select model from upstream_turns where state = 'pending'`,
  );
  return rows.map(({ model }) => model);
}
