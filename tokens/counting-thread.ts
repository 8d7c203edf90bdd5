/** The thread of tokens/token-counter.ts: a message holds the slices of one turn, and the answer their tokens. */
import { parentPort } from 'node:worker_threads';

import { countTokens } from '../wire/tokens.ts';
import { cachedCounts } from './slice-cache.ts';

/** About two megabytes, for at least 80 MB of text. */
const CACHED = 10_000;

const count = cachedCounts(countTokens, CACHED);

parentPort!.on('message', (slices: string[]) => parentPort!.postMessage(slices.map(count)));
