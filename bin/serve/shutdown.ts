/** Stops the started parts in a fixed order, however far the start has come. */

/** Each part stops before the parts that it needs. */
const ORDER = [
  'API',
  'worker',
  'metrics',
  'tracing',
  'demo model',
  'Temporal',
  'PostgreSQL',
  'data directory',
] as const;
/** A forced stop still waits for these parts; otherwise the next start would have to. */
const ALWAYS_STOPPED: readonly Part[] = ['Temporal', 'PostgreSQL', 'data directory'];
/** One Ctrl-C can arrive several times: from the terminal, from npm and from bin/start.mjs. */
const SAME_SIGNAL_MS = 1_000;

export type Part = (typeof ORDER)[number];

export class Shutdown {
  /** Aborted by the first signal, so that a long start can end early. */
  readonly signal: AbortSignal;
  readonly #stops = new Map<Part, () => Promise<void>>();
  readonly #abort = new AbortController();
  #firstSignalAt: number | undefined;
  #forced = false;

  constructor() {
    this.signal = this.#abort.signal;
  }

  /** A second signal arrived, so the exit code is 130, whichever of the two stops finishes first. */
  get forced(): boolean {
    return this.#forced;
  }

  /** Registers how to stop a part. */
  add(part: Part, stop: () => Promise<void>): void {
    this.#stops.set(part, stop);
  }

  /** Calls `onStop` at the first SIGINT, SIGTERM or SIGHUP. A later one stops waiting. */
  listen(onStop: () => void): void {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(name, () => this.#onSignal(onStop));
    }
  }

  /** Stops the parts one after the other, also if one of them fails to stop. */
  async run(parts: readonly Part[] = ORDER): Promise<void> {
    for (const part of parts) {
      try {
        await this.#stops.get(part)?.();
      } catch (error) {
        console.error(`Stopping the ${part} failed: ${(error as Error).message}`);
      }
    }
  }

  #onSignal(onStop: () => void): void {
    const now = Date.now();
    if (this.#firstSignalAt === undefined) {
      this.#firstSignalAt = now;
      console.log('\nStopping. Press Ctrl-C again to stop without waiting for requests under way.');
      this.#abort.abort();
      onStop();
    } else if (now - this.#firstSignalAt > SAME_SIGNAL_MS && !this.#forced) {
      this.#forced = true;
      void this.run(ALWAYS_STOPPED).then(() => process.exit(130));
    }
  }
}
