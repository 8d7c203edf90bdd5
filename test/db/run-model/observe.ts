/** The run in the database, as the model describes it. */
import type { RunId, ThreadId } from '../../../wire/ids.ts';
import { getRun } from '../../../db/runs/read-runs.ts';
import { listMessages } from '../../../db/threads/messages.ts';
import { readEvents, runDay } from '../../../db/events/run-events.ts';
import { listRunSteps } from '../../../db/runs/run-steps.ts';
import { assertLegalStream } from '../../support/legal-stream.ts';
import { USED } from '../../support/turns.ts';
import type { Database } from '../database.ts';
import type { View } from './model.ts';

export type Real = { database: Database; runId: RunId; threadId: ThreadId };

const VIEW = `
  select coalesce(r.status, 'deleted') as status, r.owner, coalesce(r.prompt_tokens, 0) / $3::integer as used,
    array(select event from run_events where run_day = $2::date and run_id = $1 order by seq) as events,
    coalesce((select max(seq) from run_events where run_day = $2::date and run_id = $1), 0) as newest,
    array(select status from run_steps where run_id = $1 order by seq) as steps,
    coalesce((select jsonb_agg(jsonb_build_object('id', id,
        'status', status || coalesce(': ' || incomplete_reason, ''),
        'text', coalesce(content #>> '{0,text,value}', '')) order by seq)
      from messages where run_id = $1), '[]') as messages,
    coalesce((select jsonb_agg(jsonb_build_object('id', c.id, 'done', c.result is not null) order by s.seq, c.index)
      from tool_calls c join run_steps s on s.id = c.step_id where c.run_id = $1), '[]') as calls,
    (select count(*) from run_turns where run_id = $1)::integer as turns,
    array(select kind from deliveries where run_id = $1 order by id) as deliveries
  from (values ($1)) wanted(id) left join runs r on r.id = wanted.id`;

/** @throws Error when the numbers of the events have a gap */
export async function observe({ database, runId }: Real): Promise<View> {
  const { rows } = await database.pool.query<View & { newest: number }>({
    name: 'run-model.view',
    text: VIEW,
    values: [runId, runDay(runId), USED.prompt_tokens],
  });
  const { newest, ...view } = rows[0]!;
  if (newest !== view.events.length) {
    throw new Error(`${view.events.length} events end with the number ${newest}.`);
  }
  return view;
}

/** The whole story of a run that has ended, as the strictest client reads it, against what REST says. */
export async function assertLegalStory({ database, runId, threadId }: Real): Promise<void> {
  const { pool, projectId } = database;
  const page = { limit: 100, order: 'asc' } as const;
  const run = await getRun(pool, { projectId, threadId, runId });
  const steps = await listRunSteps(pool, projectId, runId, page);
  const messages = await listMessages(pool, projectId, threadId, { ...page, run_id: runId });
  const events = (await readEvents(pool, runId, 0)).map(({ seq, event, data }) => ({
    id: seq,
    event,
    data: JSON.parse(data) as unknown,
  }));
  assertLegalStream(events, {
    ends: 'end',
    stored: { run, steps: steps.data, messages: messages.data },
  });
}
