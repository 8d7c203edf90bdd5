/** One process of the system, kept running as a service manager would: what ends is started again. */
import { setTimeout as pause } from 'node:timers/promises';

import type { Child, Exit } from './child.ts';

/** From one start of a process to its end. Times are ms since 1970. */
export type Life = {
  part: string;
  startedAt: number;
  readyAt: number | null;
  endedAt: number | null;
  exit: Exit | null;
  /** Somebody wanted it to end. */
  asked: boolean;
};

type Launch = () => Child | Promise<Child>;

const RESTART_MS = 300;
const START_MS = 180_000;

export class Part {
  readonly name: string;
  readonly lives: Life[] = [];
  readonly #launch: Launch;
  readonly #untilReady: (child: Child) => Promise<void>;
  #child: Child | undefined;
  #life: Life | undefined;
  #held = false;
  #closed = false;
  #excused = false;
  #running: Promise<void> = Promise.resolve();
  #changed = Promise.withResolvers<void>();

  /** `untilReady` resolves when a new process serves, and may reject when it ended before that. */
  constructor(name: string, launch: Launch, untilReady: (child: Child) => Promise<void>) {
    this.name = name;
    this.#launch = launch;
    this.#untilReady = untilReady;
  }

  start(): void {
    this.#running = this.#keep();
  }

  get pid(): number | undefined {
    return this.#child?.running === true ? this.#child.pid : undefined;
  }

  get isReady(): boolean {
    return this.#child?.running === true && this.#life?.readyAt !== null;
  }

  /** @throws after three minutes */
  async ready(): Promise<void> {
    const deadline = Date.now() + START_MS;
    while (!this.isReady) {
      const left = deadline - Date.now();
      if (left < 0) throw new Error(`${this.name} is not ready after ${START_MS / 1_000} s.`);
      await Promise.race([this.#changed.promise, pause(left, undefined, { ref: false })]);
    }
  }

  /** Ends the process with this signal; it is started again. Resolves when it has ended. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || !child.running) return;
    this.#life!.asked = true;
    child.signal(signal);
    await child.exited;
  }

  /** Ends it and keeps it down until `release`. */
  async hold(signal: NodeJS.Signals): Promise<void> {
    this.#held = true;
    await this.end(signal);
  }

  release(): void {
    this.#held = false;
    this.#tell();
  }

  /** Stops the process where it is; it neither ends nor is started again. */
  freeze(): void {
    this.#child?.signal('SIGSTOP');
  }

  thaw(): void {
    this.#child?.signal('SIGCONT');
  }

  /** While this is so the process may end by itself, for instance because its disk is full. */
  set excused(value: boolean) {
    this.#excused = value;
  }

  async close(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#closed = true;
    this.release();
    this.thaw();
    await this.end(signal);
    await this.#running;
  }

  async #keep(): Promise<void> {
    while (!this.#closed) {
      if (this.#held) await this.#changed.promise;
      else await this.#live();
    }
  }

  async #live(): Promise<void> {
    const child = await this.#launch();
    const life: Life = {
      part: this.name,
      startedAt: Date.now(),
      readyAt: null,
      endedAt: null,
      exit: null,
      asked: false,
    };
    this.#child = child;
    this.#life = life;
    this.lives.push(life);
    void this.#untilReady(child).then(
      () => {
        life.readyAt = Date.now();
        this.#tell();
      },
      () => {},
    );
    // It was asked to stay down, or to go, while it was being launched.
    if (this.#held || this.#closed) void this.end('SIGKILL');
    life.exit = await child.exited;
    life.endedAt = Date.now();
    life.asked ||= this.#excused;
    this.#tell();
    if (!this.#closed) await pause(RESTART_MS);
  }

  #tell(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }
}
