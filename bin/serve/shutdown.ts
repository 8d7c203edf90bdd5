/** Ends what was started, in one fixed order, however far the start has come. */

/** Who uses whom: each part is stopped before the parts it needs. */
const ORDER = ['API', 'worker', 'demo model', 'Temporal', 'PostgreSQL', 'data directory'] as const;
/** What even a forced stop ends in order, and waits for: else the next start would have to. */
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

  /** A second signal came: the stop ends with another exit code, whichever of the two ways comes to its end first. */
  get forced(): boolean {
    return this.#forced;
  }

  /** Remembers how to stop a part. */
  add(part: Part, stop: () => Promise<void>): void {
    this.#stops.set(part, stop);
  }

  /** Calls `onStop` at the first SIGINT, SIGTERM or SIGHUP. A later one stops waiting. */
  listen(onStop: () => void): void {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(name, () => this.#onSignal(onStop));
    }
  }

  /** Stops every part, one after the other. A part that fails to stop does not keep the others running. */
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
