import { getRun } from '../../../db/runs/read-runs.ts';
import { run } from '../../../wire/answers.ts';
import { eventsQuery } from '../../../wire/requests/queries.ts';
import { operation } from '../../operation.ts';
import { runPath } from './run-path.ts';

/** Joins a run that is under way, or reads it again after it ended. */
export const streamRunEvents = operation({
  route: 'GET /threads/{thread_id}/runs/{run_id}/events',
  extension: true,
  query: eventsQuery,
  answer: run,
  read: (call) => getRun(call.pool, runPath(call)),
  stream: ({ query: { include, starting_after } }) => ({
    afterSeq: 0,
    seenSeq: starting_after,
    stopAtPause: false,
    withContent: include.length > 0,
  }),
});
