import { countExpired } from '../../../db/threads/retention.ts';
import { retention } from '../../../wire/admin/answers.ts';
import { retentionQuery } from '../../../wire/admin/requests.ts';
import { operation } from '../../operation.ts';

/** The dry run of the retention. */
export const getRetention = operation({
  route: 'GET /threadmill/retention',
  extension: true,
  query: retentionQuery,
  answer: retention,
  async read({ context: { config }, pool, query }) {
    const threadDays = query.thread_ttl_days ?? config.threadTtlDays;
    const runDays = query.run_ttl_days ?? config.runTtlDays;
    return {
      object: 'threadmill.retention' as const,
      thread_ttl_days: threadDays,
      run_ttl_days: runDays,
      ...(await countExpired(pool, { threadDays, runDays })),
    };
  },
});
