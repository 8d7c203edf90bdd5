/** Server-sent event frames, nothing else. */
import { once } from 'node:events';

import type { Response } from 'express';

/** A client that takes nothing for this long is cut off; it can resume. */
const STALLED_MS = 60_000;

const KEEP_ALIVE = ': keep-alive\n';

/** `data` is JSON text without line ends. */
export type Frame = { id?: number; event: string; data: string };

export class SseStream implements Disposable {
  readonly #response: Response;
  readonly #keepAlive: NodeJS.Timeout;

  /**
   * `keepAliveMs`: a comment goes out this often, whatever else is sent. The comment is a line without an empty line
   * behind it: an empty line would end an event, and after an `id:` the Python, Java and older Go clients take that
   * event, which has no data, for JSON.
   */
  constructor(response: Response, keepAliveMs: number) {
    this.#response = response;
    response.status(200).set({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
    response.socket?.setNoDelay(true);
    this.#keepAlive = setInterval(() => response.write(KEEP_ALIVE), keepAliveMs);
  }

  /** Writes frames in one piece and waits while the client's buffer is full. */
  async send(frames: Frame[]): Promise<void> {
    const text = frames
      .map(
        ({ id, event, data }) =>
          `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`,
      )
      .join('');
    if (this.#response.write(text) || this.#response.destroyed) return;
    const stalled = AbortSignal.timeout(STALLED_MS);
    // Neither listener outlives this wait: a slow reader makes many.
    const done = new AbortController();
    const signal = AbortSignal.any([stalled, done.signal]);
    try {
      await Promise.race(
        ['drain', 'close'].map((event) => once(this.#response, event, { signal })),
      );
    } catch {
      this.#response.destroy();
    } finally {
      done.abort();
    }
  }

  end(): void {
    this.#response.end();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#keepAlive);
  }
}
