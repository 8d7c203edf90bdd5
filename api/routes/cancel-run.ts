/** POST …/cancel: marks the run, wakes its worker by NOTIFY, and cancels its workflow. */
import type { RequestHandler } from 'express';

import { withTransaction } from '../../db/pool.ts';
import { cancelRun } from '../../db/runs.ts';
import type { ApiContext } from '../context.ts';
import { projectOf } from '../idempotency.ts';
import { runIds } from './run-ids.ts';

export function cancelRunHandler(context: ApiContext): RequestHandler {
  return async (request, response) => {
    const { threadId, runId } = runIds(request.params);
    const { run, delivery } = await withTransaction(context.pool, (tx) =>
      cancelRun(tx, projectOf(response), threadId, runId),
    );
    context.dispatcher.dispatch(delivery);
    response.json(run);
  };
}
