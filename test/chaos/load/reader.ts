/** Reads one run's events over any number of connections, each resumed behind the last event seen, at either API. */
import type { ReadStream, SeenEvent } from '../evidence.ts';
import type { LoadClient, Operation } from './client.ts';
import { noteAnswer } from './client.ts';
import { readFrames } from './sse.ts';

const TERMINAL = /^thread\.run\.(completed|failed|cancelled|incomplete|expired)$/;

export type RunNames = { marker: string; threadId: string; runId: string | undefined };

/** What a reader does while it reads. */
export type ReaderOptions = {
  onEvent?: (event: SeenEvent) => void;
  /** The reader leaves at random moments. */
  leaves: boolean;
};

export class RunReader {
  readonly names: RunNames;
  lastId = 0;
  /** A terminal event was seen. */
  ended = false;
  readonly #client: LoadClient;
  readonly #options: ReaderOptions;
  #api: number;

  constructor(client: LoadClient, names: RunNames, options: ReaderOptions) {
    this.#client = client;
    this.names = names;
    this.#options = options;
    this.#api = client.random.integer(0, client.urls.length - 1);
  }

  /** The stream of a request that creates or resumes the run. Resolves when it is over, in whatever way. */
  request(operation: Operation): Promise<'done' | 'left' | 'broken' | 'refused'> {
    return this.#read(operation, {});
  }

  /** Goes on behind the last event seen, at the other API. */
  resume(): Promise<'done' | 'left' | 'broken' | 'refused'> {
    this.#api = 1 - this.#api;
    const { marker, threadId, runId } = this.names;
    const path = `/threads/${threadId}/runs/${runId}/events`;
    const operation: Operation = {
      op: `read-${marker}`,
      kind: 'read',
      method: 'GET',
      path,
      tries: 'once',
    };
    return this.#read(operation, { 'last-event-id': String(this.lastId) });
  }

  async #read(
    operation: Operation,
    headers: Record<string, string>,
  ): Promise<'done' | 'left' | 'broken' | 'refused'> {
    const aborter = new AbortController();
    const stream: ReadStream = {
      run: this.names.marker,
      runId: this.names.runId ?? '',
      api: this.#api,
      after: operation.kind === 'read' ? this.lastId : -1,
      startedAt: Date.now(),
      events: [],
      end: 'broken',
    };
    using patience = new Patience(aborter);
    try {
      const { signal } = aborter;
      const { entry, response } = await this.#client.send(operation, this.#api, {
        headers,
        signal,
      });
      if (!response.ok) {
        noteAnswer(entry, response, (await response.json()) as Record<string, unknown>);
        return 'refused';
      }
      noteAnswer(entry, response, null);
      this.#client.ledger.streams.push(stream);
      const leavesAfter = this.#leavesAfter();
      for await (const frame of readFrames(response.body!, () => patience.renew())) {
        if (frame.event === 'done') {
          stream.end = 'done';
          return 'done';
        }
        this.#take(stream, { ...frame, id: frame.id ?? 0, at: Date.now() });
        if (entry.answer === null && this.names.runId !== undefined && operation.kind !== 'read') {
          entry.answer = { id: this.names.runId };
        }
        if (stream.events.length >= leavesAfter) {
          stream.end = 'left';
          aborter.abort();
          return 'left';
        }
      }
      return 'broken';
    } catch {
      return 'broken';
    }
  }

  #leavesAfter(): number {
    const { random } = this.#client;
    return this.#options.leaves && random.chance(0.6) ? random.integer(1, 30) : Infinity;
  }

  #take(stream: ReadStream, event: SeenEvent): void {
    if (this.names.runId === undefined && event.event.startsWith('thread.run.')) {
      this.names.runId = (JSON.parse(event.data) as { id: string }).id;
    }
    stream.runId = this.names.runId ?? '';
    stream.events.push(event);
    this.lastId = Math.max(this.lastId, event.id);
    this.ended ||= TERMINAL.test(event.event);
    this.#options.onEvent?.(event);
  }
}

/** Keep-alives come every few seconds: a connection that is silent for longer is dead. */
const SILENCE_MS = 25_000;

class Patience implements Disposable {
  readonly #timer: NodeJS.Timeout;

  constructor(aborter: AbortController) {
    this.#timer = setTimeout(() => aborter.abort(), SILENCE_MS);
  }

  renew(): void {
    this.#timer.refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
