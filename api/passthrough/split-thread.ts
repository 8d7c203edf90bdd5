/** The thread of api/passthrough/splitter.ts: a message is the text of a body. */
import { parentPort } from 'node:worker_threads';

import { splitBody } from './split-body.ts';

parentPort!.on('message', (text: string) => {
  const split = splitBody(text);
  parentPort!.postMessage(split, typeof split === 'string' ? [] : [split.rest.buffer]);
});
