/**
 * Lines of batches step back while other runs are there and the computer has no time to spare: they are checked and started, and
 * begin their turns and tool calls, one after another, with a pause between two that grows until there is time again. They begin
 * with a long pause, because a whole window would come before the first look. Alone they have it all.
 */
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

import { currentScope } from '../../db/core/row-scope.ts';
import { unlessAborted } from '../../sandbox/pool/shares.ts';

/** Another run that was seen so lately counts as there, in ms. */
const OTHERS_MS = 5_000;
/** Between two looks at the load. */
const LOOK_MS = 200;
const SHORTEST_PAUSE_MS = 25;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 500;
/** Time of the processors that lines leave free, and time of the event loop that all work may use. */
const LEAST_IDLE = 0.4;
const MOST_TURNING = 0.7;

type Surroundings = {
  /** Whether there was too little time to spare since the last look. */
  isBusy?: () => boolean;
  pause?: (ms: number) => Promise<unknown>;
  now?: () => number;
};

export class LinePace {
  readonly #isBusy: () => boolean;
  readonly #pause: (ms: number) => Promise<unknown>;
  readonly #now: () => number;
  #pauseMs = 0;
  #lookedAt = -Infinity;
  #sawOtherAt = -Infinity;
  /** Of each project; the first project is next. */
  readonly #waiting = new Map<string, { go: () => void; signal: AbortSignal }[]>();
  #serves = false;

  constructor({ isBusy = watchLoad(), pause = delay, now = clock }: Surroundings = {}) {
    this.#isBusy = isBusy;
    this.#pause = pause;
    this.#now = now;
  }

  /** A run outside batches begins a turn or a tool call. */
  sawOther(): void {
    this.#sawOtherAt = this.#now();
  }

  /** Resolves when it is the line's turn. Projects take turns. @throws the signal's reason */
  async begin(signal: AbortSignal): Promise<void> {
    const project = currentScope() ?? '';
    const { promise, resolve: go } = Promise.withResolvers<void>();
    const queue = this.#waiting.get(project) ?? [];
    this.#waiting.set(project, queue);
    queue.push({ go, signal });
    if (!this.#serves) void this.#serve();
    await unlessAborted(promise, signal);
  }

  async #serve(): Promise<void> {
    this.#serves = true;
    for (let [first] = this.#waiting; first !== undefined; [first] = this.#waiting) {
      const [project, queue] = first;
      this.#waiting.delete(project);
      const { go, signal } = queue.shift()!;
      if (queue.length > 0) this.#waiting.set(project, queue);
      go();
      const pauseMs = signal.aborted ? 0 : this.#look();
      if (pauseMs > 0) await this.#pause(pauseMs);
    }
    this.#serves = false;
  }

  /** The pause before the next one. */
  #look(): number {
    const now = this.#now();
    const sinceLook = now - this.#lookedAt;
    if (now - this.#sawOtherAt > OTHERS_MS) this.#pauseMs = 0;
    else if (sinceLook >= LOOK_MS) {
      const isBusy = this.#isBusy();
      this.#lookedAt = now;
      this.#pauseMs = sinceLook > OTHERS_MS ? FIRST_PAUSE_MS : nextPause(this.#pauseMs, isBusy);
    }
    return this.#pauseMs;
  }
}

const clock = () => performance.now();

function nextPause(ms: number, isBusy: boolean): number {
  if (isBusy) return Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, 2 * ms));
  return ms > SHORTEST_PAUSE_MS ? 0.75 * ms : 0;
}

/** Of the whole computer, and of this process's event loop, which is all that a container with less than a computer can see. */
function watchLoad(): () => boolean {
  let before = processorTimes();
  let turned = performance.eventLoopUtilization();
  return () => {
    const now = processorTimes();
    const { utilization } = performance.eventLoopUtilization(turned);
    const idle = (now.idle - before.idle) / Math.max(1, now.all - before.all);
    before = now;
    turned = performance.eventLoopUtilization();
    return idle < LEAST_IDLE || utilization > MOST_TURNING;
  };
}

function processorTimes(): { idle: number; all: number } {
  const times = cpus().map((one) => one.times);
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  return {
    idle: sum(times.map(({ idle }) => idle)),
    all: sum(times.flatMap((each) => Object.values(each))),
  };
}
