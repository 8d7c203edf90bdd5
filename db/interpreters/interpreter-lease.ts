/**
 * Who may run a thread's Python: one attempt at a time, and the code calls of one turn in their order, whichever workers
 * they are on. A lease is short and extended while the cell runs, so that a dead worker's blocks nobody for long. Each
 * taking counts `epoch` up; what is stored names it, so an attempt that lost its lease stores nothing.
 */
import type { ProjectId, RunId, ThreadId, ToolCallId } from '../../wire/ids.ts';
import type { Listener } from '../core/listener.ts';
import type { Pool, Queryable, Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { FencedError } from '../events/run-events.ts';

const CHANNEL = 'interpreters';

/** As long as an activity may be silent; it is extended three times as often. */
const LEASE_SECONDS = 10;
export const EXTEND_MS = 3_000;

/** A notification may get lost, and a lease that runs out sends none. */
const POLL_MS = 1_000;

export type Lease = { threadId: ThreadId; projectId: ProjectId; owner: string; epoch: number };

/** What the last stored cell left. `version` is null before the first one. */
export type StoredVersion = {
  version: string | null;
  unsaved: string[];
  namespace: { blobId: number; sha256: Buffer } | null;
};

/** What a cell starts from: the stored state, and the logs that readers have seen of an earlier attempt at it. */
export type CellLease = Lease &
  StoredVersion & {
    streamed: string;
    /** The project's limit, if it has one. */
    cellsAtOnce: number | null;
  };

/** Takes the lease, unless another attempt has it or an earlier code call of the same step has not ended. */
export async function takeLease(
  pool: Pool,
  runId: RunId,
  callId: ToolCallId,
  owner: string,
): Promise<CellLease | undefined> {
  const rows = await query<LeaseRow>(
    pool,
    'interpreters.take',
    `with call as (
       select r.thread_id, r.project_id, c.streamed from runs r join tool_calls c on c.run_id = r.id
       where r.id = $1 and c.id = $2 and r.status = 'in_progress' and c.result is null
         and not exists (select from tool_calls e where e.step_id = c.step_id and e.index < c.index
           and e.type = 'code_interpreter' and e.result is null)),
     taken as (
       insert into interpreters (thread_id, project_id, owner, epoch, lease_until)
       select thread_id, project_id, $3, 1, clock_timestamp() + interval '${LEASE_SECONDS} seconds' from call
       on conflict (thread_id) do update set owner = excluded.owner, epoch = interpreters.epoch + 1,
         lease_until = excluded.lease_until
       where interpreters.owner is null or interpreters.lease_until < clock_timestamp()
       returning thread_id, project_id, owner, epoch, version, unsaved, namespace_blob_id)
     select taken.thread_id as "threadId", taken.project_id as "projectId", owner, epoch, version, unsaved,
       namespace_blob_id, b.sha256, call.streamed, nullif((p.limits->>'cells_at_once')::integer, 0) as "cellsAtOnce"
     from taken cross join call join projects p on p.id = taken.project_id left join blobs b on b.id = namespace_blob_id`,
    [runId, callId, owner],
  );
  if (rows[0] === undefined) return undefined;
  const { namespace_blob_id: blobId, sha256, ...lease } = rows[0];
  const namespace = blobId === null || sha256 === null ? null : { blobId, sha256 };
  return { ...lease, namespace };
}

type LeaseRow = Omit<CellLease, 'namespace'> & {
  namespace_blob_id: number | null;
  sha256: Buffer | null;
};

/** @throws FencedError when another attempt has taken it */
export async function extendLease(db: Queryable, lease: Lease): Promise<void> {
  const rows = await query(
    db,
    'interpreters.extend',
    `update interpreters set lease_until = clock_timestamp() + interval '${LEASE_SECONDS} seconds'
     where thread_id = $1 and owner = $2 and epoch = $3 returning epoch`,
    [lease.threadId, lease.owner, lease.epoch],
  );
  if (rows.length === 0) throw lost(lease);
}

/** Gives the lease up with the state as it was. Without effect when it is not held any more. */
export async function releaseLease(db: Queryable, lease: Lease): Promise<void> {
  await query(
    db,
    'interpreters.release',
    `with released as (
       update interpreters set owner = null, lease_until = null
       where thread_id = $1 and owner = $2 and epoch = $3 returning thread_id)
     select pg_notify('${CHANNEL}', thread_id) from released`,
    [lease.threadId, lease.owner, lease.epoch],
  );
}

/** Where a cell left the thread's Python. */
export type NewVersion = { version: string; unsaved: string[]; namespaceBlobId: number | null };

/**
 * Gives the lease up. With `next`, that is the thread's state from now on.
 * @throws FencedError when another attempt has taken the lease
 */
export async function endLease(tx: Tx, lease: Lease, next: NewVersion | null): Promise<void> {
  const rows = await query(
    tx,
    'interpreters.settle',
    `update interpreters set owner = null, lease_until = null,
       version = case when $4 then $5 else version end,
       unsaved = case when $4 then $6::text[] else unsaved end,
       namespace_blob_id = case when $4 then $7::bigint else namespace_blob_id end
     where thread_id = $1 and owner = $2 and epoch = $3 returning pg_notify('${CHANNEL}', thread_id)`,
    [
      lease.threadId,
      lease.owner,
      lease.epoch,
      next !== null,
      next?.version ?? null,
      next?.unsaved ?? [],
      next?.namespaceBlobId ?? null,
    ],
  );
  if (rows.length === 0) throw lost(lease);
}

function lost(lease: Lease): FencedError {
  return new FencedError(`The Python of thread ${lease.threadId} is run by another attempt.`);
}

type Waiter = Pick<PromiseWithResolvers<void>, 'resolve' | 'reject'>;

/** Wakes the attempts of this process that wait for a thread's Python. */
export class InterpreterQueue implements Disposable {
  readonly #waiting = new Map<string, Set<Waiter>>();
  readonly #unsubscribe: () => void;

  constructor(listener: Listener) {
    this.#unsubscribe = listener.on(CHANNEL, (threadId) => {
      for (const { resolve } of this.#waiting.get(threadId) ?? []) resolve();
    });
  }

  /** A call of the thread cannot be run at all: those of this process that wait for it need not go on waiting. */
  abandon(threadId: ThreadId, error: Error): void {
    for (const { reject } of this.#waiting.get(threadId) ?? []) reject(error);
  }

  /**
   * Calls `attempt` until it gives something: at once, and then whenever a lease of the thread was given up.
   * @throws the signal's reason, what `attempt` throws, and what the wait was abandoned with
   */
  async until<T>(
    threadId: ThreadId,
    signal: AbortSignal,
    attempt: () => Promise<T | undefined>,
  ): Promise<T> {
    for (;;) {
      signal.throwIfAborted();
      // Watched before the attempt: a lease that is given up in between wakes it too.
      using change = this.#watch(threadId, signal);
      const found = await attempt();
      if (found !== undefined) return found;
      await change.happened;
    }
  }

  #watch(threadId: ThreadId, signal: AbortSignal): Disposable & { happened: Promise<void> } {
    const waiter = Promise.withResolvers<void>();
    // Abandoned while its attempt is under way: the wait that follows tells it.
    waiter.promise.catch(() => {});
    const waiting = this.#waiting.get(threadId) ?? new Set();
    this.#waiting.set(threadId, waiting.add(waiter));
    const wake = () => waiter.resolve();
    const timer = setTimeout(wake, POLL_MS);
    signal.addEventListener('abort', wake);
    return {
      happened: waiter.promise,
      [Symbol.dispose]: () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        waiting.delete(waiter);
        if (waiting.size === 0) this.#waiting.delete(threadId);
      },
    };
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
  }
}
