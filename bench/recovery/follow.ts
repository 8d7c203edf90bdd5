/** A reader of a run's events that resumes where it was cut off, as clients do, and stamps what it gets. */
import { setTimeout as delay } from 'node:timers/promises';

import type { Target } from '../http.ts';

export type Seen = { at: number; event: string };

export class Follower {
  readonly seen: Seen[] = [];
  readonly #stop = new AbortController();
  #lastId = '0';

  constructor(target: Target, path: string) {
    void this.#follow(target, path);
  }

  stop(): void {
    this.#stop.abort();
  }

  /** The time of the first event after `since` that `fits`. @throws after two minutes without one */
  async first(since: number, fits: (event: string) => boolean = () => true): Promise<number> {
    for (const end = Date.now() + 120_000; Date.now() < end; await delay(5)) {
      const found = this.seen.find(({ at, event }) => at > since && fits(event));
      if (found !== undefined) return found.at;
    }
    throw new Error(`Nothing came after the fault: ${JSON.stringify(this.seen.slice(-5))}`);
  }

  async #follow({ baseUrl, apiKey }: Target, path: string): Promise<void> {
    const { signal } = this.#stop;
    for (let done = false; !done && !signal.aborted;) {
      const headers = { authorization: `Bearer ${apiKey}`, 'last-event-id': this.#lastId };
      done = await fetch(`${baseUrl}${path}`, { headers, signal }).then(
        (response) => this.#read(response),
        () => false,
      );
      if (!done) await delay(50);
    }
  }

  async #read(response: Response): Promise<boolean> {
    let rest = '';
    try {
      for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
        const frames = (rest + part).split('\n\n');
        rest = frames.pop()!;
        for (const frame of frames) if (this.#take(frame) === 'done') return true;
      }
    } catch {
      // Cut off: the next request resumes.
    }
    return false;
  }

  #take(frame: string): string | undefined {
    const event = /^event: (.*)$/m.exec(frame)?.[1];
    this.#lastId = /^id: (.*)$/m.exec(frame)?.[1] ?? this.#lastId;
    if (event !== undefined) this.seen.push({ at: performance.now(), event });
    return event;
  }
}
