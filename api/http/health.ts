/** /healthz says that the process serves; /readyz, that the parts it needs answer. Neither needs a key. */
import { Router } from 'express';

import { semanticSearch } from '../../config/config.ts';
import { query } from '../../db/core/pool.ts';
import type { ApiContext } from '../context.ts';

const CHECK_MS = 2_000;

export function healthRoutes(context: ApiContext): Router {
  const router = Router();

  router.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });

  router.get('/readyz', async (_request, response) => {
    const [database, temporal] = await Promise.all([
      check(() => query(context.pool, 'health.ping', 'select 1')),
      check(() =>
        context.temporal.connection.withDeadline(Date.now() + CHECK_MS, () =>
          context.temporal.workflowService.getSystemInfo({}),
        ),
      ),
    ]);
    const semantic_search = semanticSearch(context.config);
    const parts = { database, temporal, semantic_search, ...context.partStates() };
    const ready = database === 'ok' && temporal === 'ok' && !context.stopping.aborted;
    response.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not ready', parts });
  });

  return router;
}

async function check(ping: () => Promise<unknown>): Promise<'ok' | 'unreachable'> {
  const late = new Promise<never>((_resolve, reject) =>
    setTimeout(() => reject(new Error('late')), CHECK_MS).unref(),
  );
  return Promise.race([ping(), late]).then(
    () => 'ok',
    () => 'unreachable',
  );
}
