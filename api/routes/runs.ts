import { Router } from 'express';

import { finalizeRun } from '../../db/finalize.ts';
import { withTransaction } from '../../db/pool.ts';
import { getRunStep, listRunSteps } from '../../db/run-steps.ts';
import { getRun, isOverdue, listRuns, modifyRun } from '../../db/runs.ts';
import { getThread } from '../../db/threads.ts';
import { checkId } from '../../wire/ids.ts';
import { isActive } from '../../wire/run-status.ts';
import {
  parseEventsQuery,
  parseIncludeQuery,
  parseListQuery,
  parseModifyRun,
} from '../../wire/requests.ts';
import { withoutSearchContent } from '../../wire/search-content.ts';
import type { Run } from '../../wire/types.ts';
import type { ApiContext } from '../context.ts';
import { projectOf } from '../idempotency.ts';
import { streamRun } from '../stream-run.ts';
import { cancelRunHandler } from './cancel-run.ts';
import { createRunHandler } from './create-run.ts';
import { runIds } from './run-ids.ts';
import { submitToolOutputsHandler } from './submit-tool-outputs.ts';

/** Mounted under /threads/:thread_id/runs. */
export function runRoutes(context: ApiContext): Router {
  const router = Router({ mergeParams: true });
  const { pool } = context;

  router.post('/', createRunHandler(context));
  router.post('/:run_id/cancel', cancelRunHandler(context));
  router.post('/:run_id/submit_tool_outputs', submitToolOutputsHandler(context));

  router.get('/', async (request, response) => {
    const threadId = checkId('thread_id', (request.params as { thread_id: string }).thread_id);
    const page = parseListQuery(request.query);
    await getThread(pool, projectOf(response), threadId);
    response.json(await listRuns(pool, projectOf(response), threadId, page));
  });

  router.get('/:run_id', async (request, response) => {
    const { threadId, runId } = runIds(request.params);
    const run = await getCurrentRun(context, projectOf(response), threadId, runId);
    // The clients' poll helpers wait this long instead of five seconds.
    if (isActive(run.status))
      response.set('openai-poll-after-ms', String(context.config.pollAfterMs));
    response.json(run);
  });

  router.post('/:run_id', async (request, response) => {
    const { threadId, runId } = runIds(request.params);
    const { metadata } = parseModifyRun(request.body);
    response.json(
      await withTransaction(pool, (tx) =>
        modifyRun(tx, projectOf(response), threadId, runId, metadata),
      ),
    );
  });

  router.get('/:run_id/steps', async (request, response) => {
    const { threadId, runId } = runIds(request.params);
    const { include } = parseIncludeQuery(request.query);
    const page = parseListQuery(request.query);
    await getRun(pool, projectOf(response), threadId, runId);
    const steps = await listRunSteps(pool, projectOf(response), runId, page);
    response.json(
      include.length > 0 ? steps : { ...steps, data: steps.data.map(withoutSearchContent) },
    );
  });

  router.get('/:run_id/steps/:step_id', async (request, response) => {
    const { threadId, runId } = runIds(request.params);
    const stepId = checkId('step_id', request.params.step_id);
    const { include } = parseIncludeQuery(request.query);
    const step = await getRunStep(pool, projectOf(response), threadId, runId, stepId);
    response.json(include.length > 0 ? step : withoutSearchContent(step));
  });

  // Our extension: join a run that is under way, or read it again after it ended.
  router.get('/:run_id/events', async (request, response) => {
    const { threadId, runId } = runIds(request.params);
    parseIncludeQuery(request.query);
    const { starting_after } = parseEventsQuery(request.query);
    const run = await getRun(pool, projectOf(response), threadId, runId);
    await streamRun(context, request, response, run, {
      afterSeq: 0,
      seenSeq: starting_after,
      stopAtPause: false,
    });
  });

  return router;
}

/** Normally the workflow's timer ends a run; with no worker up, whoever reads a run past its deadline does. */
const OVERDUE_SECONDS = 5;

async function getCurrentRun(
  { pool }: ApiContext,
  projectId: string,
  threadId: string,
  runId: string,
): Promise<Run> {
  const run = await getRun(pool, projectId, threadId, runId);
  const overdue =
    isActive(run.status) && (run.expires_at ?? 0) + OVERDUE_SECONDS < Date.now() / 1_000;
  if (!overdue || !(await isOverdue(pool, runId, OVERDUE_SECONDS))) return run;
  await finalizeRun(pool, runId, { status: 'expired' });
  return getRun(pool, projectId, threadId, runId);
}
