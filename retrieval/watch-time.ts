/** How long a parser stands still: a clock that stops while the parser gets on. */
import { readFileSync } from 'node:fs';

/** Pauses may overlap. */
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

/** Of proc(5): runs or waits for a processor, waits for a disk. */
const NOT_IDLE = ['R', 'D'];
/** Places of the state and of the two times in what follows the name, which may have any characters. */
const STATE = 0;
const USER_TIME = 11;
const SYSTEM_TIME = 12;

/**
 * Returns a function that tells whether the process has used a processor since it was last asked, or waits for one. Where
 * nothing can tell, the answer is no.
 */
export function watchProgress(pid: number | undefined): () => boolean {
  let last = '';
  return () => {
    const [state = '', used = ''] = readState(pid);
    const isBusy = NOT_IDLE.includes(state) || used !== last;
    last = used;
    return isBusy;
  };
}

function readState(pid: number | undefined): [state?: string, used?: string] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return [fields[STATE], `${fields[USER_TIME]} ${fields[SYSTEM_TIME]}`];
  } catch {
    return [];
  }
}
