/** Notices a kernel that uses more memory than it may, where no cgroup limits it. */
import type { Channel } from './channel.ts';

const BUSY_MS = 100;
const IDLE_MS = 1_000;

export type MemoryWatch = {
  /** Looks more often while code runs. */
  busy(on: boolean): void;
  stop(): void;
};

/** Calls `onExceeded` with a sentence when the kernel needs more than `limit` bytes. */
export function watchMemory(
  channel: Pick<Channel, 'memory'>,
  limit: number,
  onExceeded: (reason: string) => void,
): MemoryWatch {
  let measuring = false;
  const look = async () => {
    if (measuring) return;
    measuring = true;
    const used = await channel.memory(limit);
    measuring = false;
    if (used > limit) onExceeded(memorySentence(limit));
  };
  const every = (ms: number) => setInterval(() => void look(), ms).unref();
  let timer: NodeJS.Timeout | undefined = every(IDLE_MS);
  return {
    busy(on) {
      if (timer === undefined) return;
      clearInterval(timer);
      timer = every(on ? BUSY_MS : IDLE_MS);
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}

/** Why a kernel was ended for the memory it needed. */
export function memorySentence(limit: number): string {
  const megabytes = Math.round(limit / 1024 / 1024);
  return `Execution needed more than ${megabytes} MB of memory and was killed.`;
}
