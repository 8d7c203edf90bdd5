/**
 * The longest block of this thread's event loop, in milliseconds of the clock and of the thread's processor time. Other
 * programs make the first longer and not the second.
 */
export type Blocks = { clock: number; processor: number };

const TICK_MS = 1;

export type LoopWatch = Disposable & {
  /** Since the last call. */
  take(): Blocks;
};

export function watchLoop(): LoopWatch {
  let longest: Blocks = { clock: 0, processor: 0 };
  let last = sample();
  const timer = setInterval(() => {
    const now = sample();
    longest = {
      clock: Math.max(longest.clock, now.clock - last.clock - TICK_MS),
      processor: Math.max(longest.processor, now.processor - last.processor),
    };
    last = now;
  }, TICK_MS).unref();
  return {
    take() {
      const taken = longest;
      longest = { clock: 0, processor: 0 };
      return taken;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

function sample(): Blocks {
  const { user, system } = process.threadCpuUsage();
  return { clock: performance.now(), processor: (user + system) / 1_000 };
}
