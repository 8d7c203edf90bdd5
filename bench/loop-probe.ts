/** Loaded into the measured process by `--import`: answers with the longest block of its event loop since the last question. */
import { createServer } from 'node:http';
import { isMainThread } from 'node:worker_threads';

import { watchLoop } from '../test/support/loop-blocks.ts';

const socket = process.env['BENCH_LOOP_PROBE'];

if (isMainThread && socket !== undefined) {
  delete process.env['BENCH_LOOP_PROBE'];
  const watch = watchLoop();
  const server = createServer((_request, response) => response.end(JSON.stringify(watch.take())));
  server.listen(socket).unref();
}
