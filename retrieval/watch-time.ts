/** A clock that stands still while it is paused; pauses may overlap. */
export type Watch = { pause(): void; resume(): void; stop(): void };

const TICK_MS = 100;
/** A process that could not tick for longer was busy itself, or asleep: nobody else's time. */
const LONGEST_TICK_MS = 250;

/** Calls `over` once, when `limitMs` have passed outside of pauses, and while `getsOn` said no. */
export function watchTime(limitMs: number, getsOn: () => boolean, over: () => void): Watch {
  let pauses = 0;
  let usedMs = 0;
  let sinceTickMs = 0;
  let last = performance.now();
  const count = () => {
    const now = performance.now();
    if (pauses === 0) sinceTickMs += Math.min(now - last, LONGEST_TICK_MS);
    last = now;
  };
  const timer = setInterval(() => {
    count();
    if (!getsOn()) usedMs += sinceTickMs;
    sinceTickMs = 0;
    if (usedMs < limitMs) return;
    clearInterval(timer);
    over();
  }, TICK_MS);
  return {
    pause() {
      count();
      pauses += 1;
    },
    resume() {
      count();
      pauses -= 1;
    },
    stop: () => clearInterval(timer),
  };
}
