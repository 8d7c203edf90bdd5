/**
 * Writes the deltas of every run that this process streams. The first delta after a quiet time goes out at once, later
 * ones in flushes at least GAP_MS apart and never two in flight, so under load a flush grows and nothing queues without
 * bound: deltas of one entry that wait together become one delta with the text joined, up to a length that is written quickly.
 *
 * An outage of the database is waited out, with the answers of the models kept meanwhile: they are paid for. What may or
 * may not have been stored when the connection broke is looked for before it is written again.
 *
 * At most one event per run and flush: when another attempt has taken the run, the first conflict stops this one
 * before it could leave rows behind a gap.
 */
import { setTimeout as delay } from 'node:timers/promises';

import type { Client } from 'pg';

import type { RunId } from '../../wire/ids.ts';
import type { RunEvent } from '../../wire/types.ts';
import { createClient, isUnavailable } from '../core/pool.ts';
import { WHOLE_DATABASE, withScope } from '../core/row-scope.ts';
import type { OwnedEvent } from './run-events.ts';
import { FencedError, findStoredDeltas, insertDeltas, runDay } from './run-events.ts';

const GAP_MS = 5;
/** UTF-16 units. */
const MAX_JOINED = 64 * 1024;
/** Of one flush: runs with short deltas do not wait for the long ones of many others. */
const MAX_FLUSH = 256 * 1024;
const OUTAGE_PAUSE_MS = 500;
/** A connection that says nothing for so long is taken for cut. */
const ANSWER_MS = 30_000;

/** A delta whose text may be joined with a waiting one of the same `entry`. */
export type Delta = { entry: string; text: string; event: (text: string) => RunEvent };

type Waiter = { resolve: () => void; reject: (error: Error) => void };

export class EventBatcher implements AsyncDisposable {
  readonly #url: string;
  readonly #applicationName: string;
  readonly #streams = new Set<DeltaStream>();
  #client: Promise<Client> | undefined;
  #flushing = false;
  #lastFlush = 0;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(url: string, applicationName: string) {
    this.#url = url;
    this.#applicationName = applicationName;
  }

  /** A stream for one attempt; `lastSeq` is the newest event stored for the run. */
  open(runId: RunId, owner: string): DeltaStream {
    return new DeltaStream(runId, owner, (stream) => {
      this.#streams.add(stream);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#flushing || this.#timer !== undefined || this.#streams.size === 0) return;
    const wait = this.#lastFlush + GAP_MS - performance.now();
    if (wait <= 0) void this.#flush();
    else this.#timer = setTimeout(() => void this.#flush(), wait);
  }

  async #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushing = true;
    this.#lastFlush = performance.now();
    const streams = this.#takeTurns();
    const events = streams.map((stream) => stream.takeNext());
    try {
      if (events.length === 0) return;
      const stored = await this.#write(events);
      for (const stream of streams) stream.confirm(stored.has(stream.runId));
    } catch (error) {
      for (const stream of streams) stream.fail(error as Error);
    } finally {
      for (const stream of this.#streams) if (!stream.pending) this.#streams.delete(stream);
      this.#flushing = false;
      this.#schedule();
    }
  }

  /** The streams of the next flush. The first that is left out is the first of a later one. */
  #takeTurns(): DeltaStream[] {
    const taken: DeltaStream[] = [];
    let length = 0;
    for (const stream of this.#streams) {
      if (!stream.pending) continue;
      if (taken.length > 0 && length + stream.nextLength > MAX_FLUSH) continue;
      length += stream.nextLength;
      taken.push(stream);
    }
    for (const stream of taken) {
      this.#streams.delete(stream);
      this.#streams.add(stream);
    }
    return taken;
  }

  /** The runs whose event is stored. @throws what is no outage */
  async #write(events: OwnedEvent[]): Promise<Set<string>> {
    for (let uncertain = false; ; uncertain = true) {
      try {
        // One statement has events of many projects, each of the run that the attempt owns.
        const client = withScope(await this.#connection(), WHOLE_DATABASE);
        const found = uncertain ? await findStoredDeltas(client, events) : new Set<string>();
        const missing = events.filter(({ runId }) => !found.has(runId));
        const stored = missing.length === 0 ? [] : await insertDeltas(client, missing);
        return new Set([...found, ...stored]);
      } catch (error) {
        this.#client = undefined;
        if (!isUnavailable(error) || this.#closed) throw error;
      }
      await delay(OUTAGE_PAUSE_MS);
    }
  }

  #connection(): Promise<Client> {
    this.#client ??= (async () => {
      const client = createClient(this.#url, this.#applicationName, ANSWER_MS);
      client.on('error', () => {
        this.#client = undefined;
      });
      await client.connect();
      return client;
    })();
    return this.#client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const client = await this.#client?.catch(() => undefined);
    await client?.end().catch(() => {});
  }
}

/** The deltas of one attempt at one run. After an error nothing more is written. */
export class DeltaStream {
  readonly runId: RunId;
  readonly #day: string;
  readonly #owner: string;
  readonly #wake: (stream: DeltaStream) => void;
  #seq = 0;
  #queue: Delta[] = [];
  #inFlight = false;
  #error: Error | undefined;
  #waiters: Waiter[] = [];

  constructor(runId: RunId, owner: string, wake: (stream: DeltaStream) => void) {
    this.runId = runId;
    this.#day = runDay(runId);
    this.#owner = owner;
    this.#wake = wake;
  }

  /** State events were written up to `lastSeq`; deltas follow them. */
  continueAfter(lastSeq: number): void {
    this.#seq = lastSeq;
  }

  get pending(): boolean {
    return this.#queue.length > 0 && this.#error === undefined;
  }

  /** Of the text that `takeNext` has. */
  get nextLength(): number {
    return this.#queue[0]?.text.length ?? 0;
  }

  /** Queues a delta. @throws the error that stopped the stream */
  push(delta: Delta): void {
    if (this.#error !== undefined) throw this.#error;
    const last = this.#queue.at(-1);
    const joins = last?.entry === delta.entry && last.text.length + delta.text.length <= MAX_JOINED;
    if (joins) last.text += delta.text;
    else this.#queue.push({ ...delta });
    this.#wake(this);
  }

  /** Resolves once everything queued is stored. @throws FencedError when another attempt owns the run */
  async flushed(): Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    if (this.#queue.length === 0 && !this.#inFlight) return;
    await new Promise<void>((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Drops what is queued and waits for what is being written: nothing of this attempt is stored afterwards. */
  async abandon(): Promise<void> {
    this.#queue = [];
    await this.flushed().catch(() => {});
    this.#error ??= new FencedError(`The attempt at run ${this.runId} was given up.`);
  }

  /** For the batcher: the next event to write. */
  takeNext(): OwnedEvent {
    const delta = this.#queue.shift()!;
    this.#inFlight = true;
    this.#seq += 1;
    return {
      runId: this.runId,
      day: this.#day,
      owner: this.#owner,
      seq: this.#seq,
      event: delta.event(delta.text),
    };
  }

  /** For the batcher: the event was stored, or had no effect because another attempt owns the run. */
  confirm(stored: boolean): void {
    this.#inFlight = false;
    if (!stored) this.fail(new FencedError(`Run ${this.runId} is owned by another attempt.`));
    else if (this.#queue.length === 0) {
      for (const waiter of this.#waiters.splice(0)) waiter.resolve();
    }
  }

  fail(error: Error): void {
    this.#inFlight = false;
    this.#error ??= error;
    this.#queue = [];
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#error);
  }
}
