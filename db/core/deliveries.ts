/** Starts, signals and cancels that are committed but not yet accepted by Temporal. Repeating one is harmless. */
import type {
  AssistantId,
  BatchId,
  FileId,
  ProjectId,
  ThreadId,
  VectorStoreId,
  WebhookDeliveryId,
} from '../../wire/ids.ts';
import type { TraceHeaders } from '../../telemetry/trace.ts';
import { traceHeaders } from '../../telemetry/trace.ts';
import { toJson } from './json.ts';
import type { Pool, Queryable, Tx } from './pool.ts';
import { query } from './pool.ts';

export type DeliveryPayload =
  | {
      kind: 'start';
      projectId: ProjectId;
      threadId: ThreadId;
      assistantId: AssistantId;
      model: string;
      expiresAtMs: number;
      batch?: { id: BatchId; priority: number };
    }
  | { kind: 'signal'; submission: string }
  | { kind: 'cancel' }
  | {
      kind: 'ingest';
      seq: number;
      projectId: ProjectId;
      vectorStoreId: VectorStoreId;
      fileId: FileId;
    }
  /** A line of a batch that has no run. */
  | {
      kind: 'line';
      projectId: ProjectId;
      batchId: BatchId;
      line: number;
      url: string;
      expiresAtMs: number;
      priority: number;
    }
  | { kind: 'batch'; projectId: ProjectId; endpoint: string }
  /** Of a run or line: its batch goes on. */
  | { kind: 'resume' }
  /** The schedule was made, changed or deleted. */
  | { kind: 'schedule'; projectId: ProjectId }
  /** Of a thread: a run has ended, and others wait. */
  | { kind: 'next'; projectId: ProjectId; threadId: ThreadId }
  /** Of a batch: something has changed that its workflow waits for. */
  | { kind: 'wake' }
  /** Of a run: the turn that a batch at its model server had is there, or is to be asked directly. */
  | { kind: 'answered'; turn: number }
  /** Turns wait for the next batch at the server of this model. */
  | { kind: 'upstream'; model: string }
  | { kind: 'webhook'; projectId: ProjectId; deliveryId: WebhookDeliveryId; round: number };

/** The id of a workflow of a run or batch is the run's or batch's; an ingest's names its store, file and row. Its column is called `run_id`. */
export type Delivery = { id: number; workflowId: string; payload: DeliveryPayload & Traced };
/** The trace of the request that it comes from. Absent without tracing, and of deliveries that statements write. */
type Traced = { trace?: TraceHeaders };

/** Commits with the change it belongs to. */
export async function enqueueDelivery(
  tx: Tx,
  workflowId: string,
  request: DeliveryPayload,
): Promise<Delivery> {
  const trace = hasOwnTrace(request) ? undefined : traceHeaders();
  const payload = trace === undefined ? request : { ...request, trace };
  const rows = await query<{ id: number }>(
    tx,
    'deliveries.enqueue',
    'insert into deliveries (run_id, kind, payload) values ($1, $2, $3::jsonb) returning id',
    [workflowId, payload.kind, toJson(payload)],
  );
  return { id: rows[0]!.id, workflowId, payload };
}

/** Nobody could read one trace of all runs and lines of a batch. */
function hasOwnTrace(payload: DeliveryPayload): boolean {
  return payload.kind === 'line' || (payload.kind === 'start' && payload.batch !== undefined);
}

/** Temporal has accepted it, or it no longer means anything. */
export async function removeDelivery(db: Queryable, id: number): Promise<void> {
  await query(db, 'deliveries.remove', 'delete from deliveries where id = $1', [id]);
}

/** Ingests of a project that Temporal holds at once. The others wait here, so that thousands of files leave it free for runs. */
const INGEST_WINDOW = 64;
/** Of all projects: beside one with thousands of files, those of others start at once. */
const INGESTS_OF_ALL = 80;

/** How many more may start, or, below 0, how many have to end first. The files in progress without a delivery are under way. */
export const INGEST_ROOM = `(${INGESTS_OF_ALL} - ingests_under_way())`;

/** The same within the limit of project `p`. */
export const INGESTS_OF_PROJECT = `least(${INGEST_WINDOW}, nullif((p.limits->>'ingests_at_once')::integer, 0))`;

/** Ingests of one file, cut in one way, that start at once: the first to end completes the others that are still waiting. */
export const INGEST_COPIES = 4;

/** Each ingest that waits, with the place that it takes among those of its project, after the ones under way. */
const INGEST_PLACES = `select q.id, q.place - q.waiting + coalesce(f.files, q.waiting) as place, coalesce(f.copy, 1) as copy
  from (select id, (payload->>'seq')::bigint as seq, count(*) over (partition by payload->>'projectId') as waiting,
      row_number() over (partition by payload->>'projectId' order by turn, id) as place
    from deliveries where kind = 'ingest') q
  left join (select seq, count(*) over (partition by project_id) as files,
      row_number() over (partition by file_id, max_chunk_tokens, chunk_overlap_tokens order by seq) as copy
    from vector_store_files where status = 'in_progress') f using (seq)`;

/**
 * Takes the deliveries that are due, the oldest of each run only and of the projects in turn, and postpones each so that a second
 * process leaves it alone meanwhile. Ingests start as others end: next is the project that has the fewest, and in it the file whose turn it is.
 */
export async function takeDueDeliveries(pool: Pool, limit: number): Promise<Delivery[]> {
  return query<Delivery>(
    pool,
    'deliveries.take',
    `with others as (
         select d.id from deliveries d join (
           select due.id, row_number() over (partition by project_id, kind = 'webhook' order by due.id) as place from deliveries due
           where due.next_attempt_at <= clock_timestamp() and due.kind <> 'ingest'
             and not exists (select from deliveries e where e.run_id = due.run_id and e.id < due.id)) q using (id)
         where d.next_attempt_at <= clock_timestamp()
         order by d.kind = 'webhook', q.place, d.id limit $1 for update of d skip locked),
       ingests as (
         select d.id from deliveries d join (${INGEST_PLACES}) places on places.id = d.id
           left join projects p on p.id = d.payload->>'projectId'
         where d.next_attempt_at <= clock_timestamp() and places.place <= ${INGESTS_OF_PROJECT} and places.copy <= ${INGEST_COPIES}
         order by places.place, d.turn, d.id limit greatest(0, least($1, ${INGEST_ROOM})) for update of d skip locked)
     update deliveries set attempts = attempts + 1,
       next_attempt_at = clock_timestamp() + least(attempts + 1, 30) * interval '1 second'
     where id in (select id from others union all select id from ingests)
     returning id, run_id as "workflowId", payload`,
    [limit],
  );
}
