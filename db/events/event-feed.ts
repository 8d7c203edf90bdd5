/**
 * Delivers runs' events to readers: backfill → cutover → live. NOTIFY only marks runs as changed; one read at a time
 * fetches the rows of every waiting reader. A reader that is still busy with earlier rows is not read for, so a slow
 * client costs no memory. A poll each second makes a lost notification harmless.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { RunId } from '../../wire/ids.ts';
import type { Listener } from '../core/listener.ts';
import type { Pool } from '../core/pool.ts';
import { currentScope } from '../core/row-scope.ts';
import type { Position, StoredEvent } from './run-events.ts';
import { DELETED_CHANNEL, EVENTS_CHANNEL, readEventsOfMany, runDay } from './run-events.ts';

const POLL_MS = 1_000;
/** Rows per reader and read; a reader with more to come stays marked. */
const PAGE = 500;
/** Of all readers of one read: those of short events do not wait for long ones of many others. */
const READ_BYTES = 2 * 1024 * 1024;

type Reader = Position & {
  /** Events may exist after `afterSeq`. */
  changed: boolean;
  /** Set while the reader waits for rows. */
  deliver: ((rows: StoredEvent[] | null) => void) | undefined;
};

export class EventFeed implements Disposable {
  readonly #pool: Pool;
  readonly #readers = new Map<string, Set<Reader>>();
  readonly #deletions = new Map<string, Set<() => void>>();
  readonly #unsubscribe: (() => void)[];
  readonly #poll: NodeJS.Timeout;
  #reading = false;
  #closed = false;

  constructor(pool: Pool, listener: Listener) {
    this.#pool = pool;
    this.#unsubscribe = [
      listener.on(EVENTS_CHANNEL, (payload) => this.#mark(payload.split(','))),
      listener.on(DELETED_CHANNEL, (runId) => {
        for (const handler of this.#deletions.get(runId) ?? []) handler();
      }),
      listener.onReconnect(() => this.#mark([...this.#readers.keys()])),
    ];
    this.#poll = setInterval(() => this.#mark([...this.#readers.keys()]), POLL_MS);
    this.#poll.unref();
  }

  /**
   * The run's events after `afterSeq`, in order and without gaps, until the caller stops, `signal` aborts or the feed
   * closes. It does not end by itself: the caller knows which event is the last. Only events of the caller's project.
   */
  async *tail(runId: RunId, afterSeq: number, signal: AbortSignal): AsyncGenerator<StoredEvent[]> {
    const reader: Reader = {
      runId,
      day: runDay(runId),
      afterSeq,
      project: currentScope() ?? this.#pool.scope ?? '',
      changed: true,
      deliver: undefined,
    };
    const stop = () => reader.deliver?.(null);
    const readers = this.#readers.get(runId) ?? new Set();
    this.#readers.set(runId, readers.add(reader));
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted && !this.#closed) {
        const rows = await this.#next(reader);
        if (rows === null) return;
        yield rows;
      }
    } finally {
      signal.removeEventListener('abort', stop);
      readers.delete(reader);
      if (readers.size === 0) this.#readers.delete(runId);
    }
  }

  /** Calls `handler` when the run is deleted while it is active. Returns the way to take it off again. */
  onDeleted(runId: RunId, handler: () => void): () => void {
    const handlers = this.#deletions.get(runId) ?? new Set();
    this.#deletions.set(runId, handlers.add(handler));
    return () => {
      handlers.delete(handler);
      if (handlers.size === 0) this.#deletions.delete(runId);
    };
  }

  #next(reader: Reader): Promise<StoredEvent[] | null> {
    return new Promise((resolve) => {
      reader.deliver = (rows) => {
        reader.deliver = undefined;
        resolve(rows);
      };
      if (reader.changed) this.#schedule();
    });
  }

  #mark(runIds: string[]): void {
    for (const runId of runIds) {
      for (const reader of this.#readers.get(runId) ?? []) reader.changed = true;
    }
    this.#schedule();
  }

  /** Readers that were served together ask again one after the other: one turn later they share a read again. */
  #schedule(): void {
    if (this.#reading) return;
    this.#reading = true;
    setImmediate(() => void this.#readAll());
  }

  async #readAll(): Promise<void> {
    try {
      for (let readers = this.#waiting(); readers.length > 0; readers = this.#waiting()) {
        await this.#readFor(readers);
        await nextTurn();
      }
    } catch {
      // The database is away: the readers stay marked, and the poll comes back to them.
    } finally {
      this.#reading = false;
    }
  }

  #waiting(): Reader[] {
    const waiting: Reader[] = [];
    for (const readers of this.#readers.values()) {
      for (const reader of readers) {
        if (reader.changed && reader.deliver !== undefined) waiting.push(reader);
      }
    }
    return waiting;
  }

  async #readFor(readers: Reader[]): Promise<void> {
    // Cleared before the read: a notification that arrives meanwhile marks the reader again.
    for (const reader of readers) reader.changed = false;
    const bytes = Math.ceil(READ_BYTES / readers.length);
    let rows;
    try {
      rows = await readEventsOfMany(this.#pool, readers, { rows: PAGE, bytes });
    } catch (error) {
      for (const reader of readers) reader.changed = true;
      throw error;
    }
    const byReader = new Map<number, StoredEvent[]>();
    for (const { position, ...event } of rows) {
      const list = byReader.get(position);
      if (list === undefined) byReader.set(position, [event]);
      else list.push(event);
    }
    for (const [position, events] of byReader) {
      const reader = readers[position - 1]!;
      reader.afterSeq = events.at(-1)!.seq;
      // Of three bytes at most is a UTF-16 unit.
      const length = events.reduce((sum, { data }) => sum + data.length, 0);
      reader.changed ||= events.length === PAGE || length >= bytes / 3;
      reader.deliver?.(events);
    }
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearInterval(this.#poll);
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const readers of this.#readers.values()) {
      for (const reader of readers) reader.deliver?.(null);
    }
  }
}
