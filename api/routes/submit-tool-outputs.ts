/** POST …/submit_tool_outputs: decided in Postgres, then signalled. No worker is needed to accept or refuse it. */
import type { RequestHandler } from 'express';

import { once } from '../../db/idempotency.ts';
import { submitToolOutputs } from '../../db/runs.ts';
import { parseIncludeQuery, parseSubmitToolOutputs } from '../../wire/requests.ts';
import type { ApiContext } from '../context.ts';
import { idempotencyOf, projectOf } from '../idempotency.ts';
import { answer } from './create-run.ts';
import { runIds } from './run-ids.ts';

export function submitToolOutputsHandler(context: ApiContext): RequestHandler {
  return async (request, response) => {
    const { threadId, runId } = runIds(request.params);
    const params = parseSubmitToolOutputs(request.body);
    parseIncludeQuery(request.query);
    const accepted = await once(context.pool, idempotencyOf(request, response), (tx) =>
      submitToolOutputs(tx, projectOf(response), threadId, runId, params.tool_outputs),
    );
    await answer(context, request, response, accepted, params.stream);
  };
}
