/** Server-sent event frames, nothing else. */
import { once } from 'node:events';

import type { Response } from 'express';

const PING_MS = 15_000;
/** A client that takes nothing for this long is cut off; it can resume. */
const STALLED_MS = 60_000;

export class SseStream implements Disposable {
  readonly #response: Response;
  readonly #ping: NodeJS.Timeout;

  constructor(response: Response) {
    this.#response = response;
    response.status(200).set({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
    response.socket?.setNoDelay(true);
    this.#ping = setInterval(() => response.write(': ping\n\n'), PING_MS);
  }

  /** Writes frames in one piece and waits while the client's buffer is full. `data` is JSON text without line ends. */
  async send(frames: { id?: number | undefined; event: string; data: string }[]): Promise<void> {
    const text = frames
      .map(
        ({ id, event, data }) =>
          `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`,
      )
      .join('');
    if (this.#response.write(text) || this.#response.destroyed) return;
    const stalled = AbortSignal.timeout(STALLED_MS);
    await Promise.race([
      once(this.#response, 'drain', { signal: stalled }),
      once(this.#response, 'close', { signal: stalled }),
    ]).catch(() => this.#response.destroy());
  }

  end(): void {
    this.#response.end();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#ping);
  }
}
