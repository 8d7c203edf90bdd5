/** Counts requests for usage in memory, and writes them every few seconds: a process that is killed loses those. */
import type { Logger } from '../../config/log.ts';
import type { Pool } from '../../db/core/pool.ts';
import { inWholeDatabase } from '../../db/core/row-scope.ts';
import type { CountedRequests } from '../../db/projects/usage.ts';
import { countRequests } from '../../db/projects/usage.ts';
import type { Caller } from '../../wire/admin/scopes.ts';

const FLUSH_MS = 5_000;

export type RequestCounter = AsyncDisposable & { add(caller: Caller): void };

/** Counts that cannot be written, because PostgreSQL is away, are written with the next ones. */
export function createRequestCounter(pool: Pool, log: Logger): RequestCounter {
  let counted = new Map<string, CountedRequests>();
  const add = ({ project, key, requests }: CountedRequests) => {
    const entry = counted.get(key) ?? { project, key, requests: 0 };
    entry.requests += requests;
    counted.set(key, entry);
  };
  const flush = async () => {
    if (counted.size === 0) return;
    const written = [...counted.values()];
    counted = new Map();
    await inWholeDatabase(() => countRequests(pool, written)).catch((error: Error) => {
      written.forEach(add);
      log.warn({ reason: error.message }, 'Requests are counted later');
    });
  };
  const timer = setInterval(() => void flush(), FLUSH_MS).unref();
  return {
    add: ({ project, key }) => add({ project, key, requests: 1 }),
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await flush();
    },
  };
}
