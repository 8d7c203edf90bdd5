/** Indexes the words of messages after they were stored, and once those that were stored before there was an index. */
import type { Logger } from '../config/log.ts';
import type { Pool } from '../db/core/pool.ts';
import { takePass } from '../db/maintenance.ts';
import { inWholeDatabase } from '../db/core/row-scope.ts';
import { indexMessages } from '../db/threads/message-words.ts';
import { startLoop } from '../temporal/loop.ts';

const ASK_MS = 500;
const PASS_SECONDS = 1;
const BATCH = 16;
/** Of one pass: after an upgrade all messages wait, and the worker has other work too. */
const BATCHES = 64;

/** The returned function stops it after the messages under way. */
export function startMessageIndex(pool: Pool, log: Logger): () => Promise<void> {
  const pass = async () => {
    if (!(await takePass(pool, 'words', PASS_SECONDS))) return false;
    for (let n = 0; n < BATCHES; n++) {
      if ((await indexMessages(pool, BATCH)) < BATCH) break;
    }
    return false;
  };
  return inWholeDatabase(() => startLoop('Messages could not be indexed', ASK_MS, log, pass));
}
