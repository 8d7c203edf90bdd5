/**
 * Loaded into the measured process by `--import`: answers with the longest block of its event loop since the last question,
 * in milliseconds of the clock and of the thread's processor time, which other programs do not make longer.
 */
import { createServer } from 'node:http';
import { isMainThread } from 'node:worker_threads';

export type Blocks = { clock: number; processor: number };

const TICK_MS = 1;
const socket = process.env['BENCH_LOOP_PROBE'];

if (isMainThread && socket !== undefined) {
  delete process.env['BENCH_LOOP_PROBE'];
  let longest: Blocks = { clock: 0, processor: 0 };
  let last = sample();
  setInterval(() => {
    const now = sample();
    longest = {
      clock: Math.max(longest.clock, now.clock - last.clock - TICK_MS),
      processor: Math.max(longest.processor, now.processor - last.processor),
    };
    last = now;
  }, TICK_MS).unref();
  const server = createServer((_request, response) => {
    response.end(JSON.stringify(longest));
    longest = { clock: 0, processor: 0 };
  });
  server.listen(socket).unref();
}

function sample(): Blocks {
  const { user, system } = process.threadCpuUsage();
  return { clock: performance.now(), processor: (user + system) / 1_000 };
}
