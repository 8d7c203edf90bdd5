/** Counts requests for usage in memory, and writes them every few seconds: a process that is killed loses those. */
import type { Logger } from '../../config/log.ts';
import type { Pool } from '../../db/core/pool.ts';
import { inWholeDatabase } from '../../db/core/row-scope.ts';
import type { CountedRequests } from '../../db/projects/usage.ts';
import { countRequests } from '../../db/projects/usage.ts';
import type { Caller } from '../../wire/admin/scopes.ts';

const FLUSH_MS = 5_000;

export type RequestCounter = AsyncDisposable & { add(caller: Caller): void };

export function createRequestCounter(pool: Pool, log: Logger): RequestCounter {
  let counted = new Map<string, CountedRequests>();
  const flush = async () => {
    if (counted.size === 0) return;
    const written = [...counted.values()];
    counted = new Map();
    await inWholeDatabase(() => countRequests(pool, written)).catch((error: unknown) =>
      log.error({ err: error }, 'Requests were not counted'),
    );
  };
  const timer = setInterval(() => void flush(), FLUSH_MS).unref();
  return {
    add({ project, key }) {
      const entry = counted.get(key) ?? { project, key, requests: 0 };
      entry.requests += 1;
      counted.set(key, entry);
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await flush();
    },
  };
}
