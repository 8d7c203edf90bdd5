/** Runs actions on a kernel one after another, and stops its processes while there are none. */
import type { Channel } from './channel.ts';

// Longer than there is between the steps of saving an interpreter.
const PAUSE_AFTER_MS = 100;

export class ActionQueue {
  readonly #channel: Pick<Channel, 'pause' | 'resume'>;
  #last: Promise<unknown> = Promise.resolve();
  /** Actions that run or wait. */
  #pending = 0;
  #pauseTimer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(channel: Pick<Channel, 'pause' | 'resume'>) {
    this.#channel = channel;
  }

  /** Runs `action` after the earlier ones. */
  run<T>(action: () => Promise<T>): Promise<T> {
    this.#pending += 1;
    clearTimeout(this.#pauseTimer);
    if (this.#pending === 1 && !this.#ended) this.#channel.resume();
    const result = this.#last.then(action).finally(() => {
      this.#pending -= 1;
      if (this.#pending === 0 && !this.#ended) this.#pauseSoon();
    });
    this.#last = result.catch(() => {});
    return result;
  }

  /** The kernel has ended: there are no processes to stop. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#pauseTimer);
  }

  #pauseSoon(): void {
    this.#pauseTimer = setTimeout(() => this.#channel.pause(), PAUSE_AFTER_MS).unref();
  }
}
