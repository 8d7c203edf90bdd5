import packageJson from '../../../package.json' with { type: 'json' };
import { countRuns } from '../../../db/runs/run-counts.ts';
import { describeTaskQueues } from '../../../temporal/task-queues.ts';
import { serverStatus, statusQuery } from '../../../wire/admin/status.ts';
import { operation } from '../../operation.ts';

/** Without Temporal it shows the rest. */
export const getStatus = operation({
  route: 'GET /threadmill/status',
  extension: true,
  query: statusQuery,
  answer: serverStatus,
  async read({ context: { config, temporal, log }, pool, query }) {
    const queues = describeTaskQueues(temporal, config.taskQueue).catch((err: unknown) => {
      log.warn({ err }, 'Temporal did not describe its task queues');
      return null;
    });
    const counts = await countRuns(pool, query.stuck_minutes);
    const { version } = packageJson;
    return { object: 'threadmill.status' as const, version, ...counts, task_queues: await queues };
  },
});
