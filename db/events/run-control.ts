/** The fast path of a cancel: a NOTIFY that reaches the worker in milliseconds. Temporal's own cancel is the durable one. */
import type { RunId } from '../../wire/ids.ts';
import type { Listener } from '../core/listener.ts';

export const CONTROL_CHANNEL = 'run_control';

/** Abort signals of the runs that this process works on. */
export class RunControl implements Disposable {
  readonly #controllers = new Map<string, Set<AbortController>>();
  readonly #unsubscribe: () => void;

  constructor(listener: Listener) {
    this.#unsubscribe = listener.on(CONTROL_CHANNEL, (runId) => {
      for (const controller of this.#controllers.get(runId) ?? []) {
        controller.abort(new RunCancelledError(runId));
      }
    });
  }

  /** Calls `work` with a signal that aborts when a client cancels the run. */
  async watch<T>(runId: RunId, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const watching = this.#controllers.get(runId) ?? new Set();
    this.#controllers.set(runId, watching.add(controller));
    try {
      return await work(controller.signal);
    } finally {
      watching.delete(controller);
      if (watching.size === 0) this.#controllers.delete(runId);
    }
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
  }
}

export class RunCancelledError extends Error {
  override name = 'RunCancelledError';

  constructor(runId: string) {
    super(`Run ${runId} was cancelled.`);
  }
}
