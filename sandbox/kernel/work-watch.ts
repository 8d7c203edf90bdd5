/**
 * Limits a step of saving or restoring in processor time: on a busy computer the step takes longer, but not more of that.
 */
import type { KernelError } from '../backend.ts';
import { KernelLostError, KernelTimeoutError } from '../backend.ts';
import type { Channel } from './channel.ts';

/** A step that may use a second of processor time may be without any for this many seconds. */
const PATIENCE = 5;
const LOOK_MS = 100;

/** Calls `onLate` when the step uses more than `seconds`, or makes no progress for long. Returns a function that stops the watch. */
export function watchWork(
  channel: Pick<Channel, 'processorSeconds'>,
  seconds: number,
  onLate: (reason: string, kind: typeof KernelError) => void,
): () => void {
  const spent = () => channel.processorSeconds() ?? 0;
  const before = spent();
  let progress = { spent: before, at: performance.now() };
  const look = () => {
    const now = { spent: spent(), at: performance.now() };
    if (now.spent > progress.spent) progress = now;
    if (now.spent - before > seconds) {
      const reason = `Python needed more than ${seconds} s of processor time and was killed.`;
      onLate(reason, KernelTimeoutError);
    } else if (now.at - progress.at > seconds * PATIENCE * 1_000) {
      onLate(`Python did nothing for ${seconds * PATIENCE} s and was killed.`, KernelLostError);
    }
  };
  const timer = setInterval(look, LOOK_MS);
  return () => clearInterval(timer);
}
