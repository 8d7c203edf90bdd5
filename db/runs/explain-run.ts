/** What is known of a run's requests: from its rows, and from what its turns have recorded. */
import type {
  ExplainedTurn,
  LostRequest,
  RunExplanation,
  TurnRequest,
} from '../../wire/explanation.ts';
import type { RunId } from '../../wire/ids.ts';
import type { RunRow, ToolCallResult } from '../../wire/rows.ts';
import { toJson } from '../core/json.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import type { TurnRef } from '../turns/open-step.ts';
import type { RunPath } from './read-runs.ts';
import { getRunRow } from './read-runs.ts';

/** A request whose answer was lost: the turn has others. */
export async function recordLostRequest(
  db: Queryable,
  { runId, turn }: Pick<TurnRef, 'runId' | 'turn'>,
  request: LostRequest,
): Promise<void> {
  await query(
    db,
    'explain.lost',
    `insert into lost_requests (run_id, turn, request) select id, $2, $3::jsonb from runs where id = $1`,
    [runId, turn, toJson(request)],
  );
}

type Wanted = { withContent: boolean; costOf: (run: RunRow) => number | null };

/** @throws ApiError 404 */
export async function explainRun(
  db: Queryable,
  path: RunPath,
  { withContent, costOf }: Wanted,
): Promise<RunExplanation> {
  const run = await getRunRow(db, path);
  const turns = await readTurns(db, run.id);
  const newest = turns.findLast(({ request }) => request !== null)?.request ?? null;
  const { id, thread_id, status, model, created_at, started_at, instructions, tools } = run;
  const kept = newest?.kept ?? [];
  const content = withContent && { instructions, tools, messages: await readKept(db, run, kept) };
  return {
    object: 'thread.run.explanation',
    run_id: id,
    thread_id,
    status,
    model,
    created_at,
    started_at,
    ended_at: run.completed_at ?? run.failed_at ?? run.cancelled_at,
    turns,
    dropped_messages: newest === null ? null : await readDropped(db, run, newest),
    searches: await readSearches(db, run.id, withContent),
    cost_usd: costOf(run),
    ...(content && { content }),
  };
}

async function readTurns(db: Queryable, runId: RunId): Promise<ExplainedTurn[]> {
  return query<ExplainedTurn>(
    db,
    'explain.turns',
    `select n as turn, t.result ->> 'kind' as result, t.request,
       coalesce((select jsonb_agg(l.request order by l.id) from lost_requests l where l.run_id = $1 and l.turn = n), '[]') as lost_requests,
       (select s.usage from run_steps s where s.run_id = $1 and s.turn = n and s.usage is not null order by s.seq desc limit 1) as usage,
       array(select s.id from run_steps s where s.run_id = $1 and s.turn = n order by s.seq) as steps
     from (select turn as n from run_turns where run_id = $1 union select turn from run_steps where run_id = $1
       union select turn from lost_requests where run_id = $1) numbers
       left join run_turns t on t.run_id = $1 and t.turn = n order by n`,
    [runId],
  );
}

type Kept = NonNullable<RunExplanation['content']>['messages'];

async function readKept(
  db: Queryable,
  { thread_id }: RunRow,
  kept: TurnRequest['kept'],
): Promise<Kept> {
  return query<Kept[number]>(
    db,
    'explain.kept',
    `select id, seq as number, role, content from messages m where thread_id = $1
       and exists (select from jsonb_array_elements($2::jsonb) k where seq between (k ->> 0)::integer and (k ->> 1)::integer)
     order by seq desc limit 100`,
    [thread_id, toJson(kept)],
  );
}

type Dropped = NonNullable<RunExplanation['dropped_messages']>;

async function readDropped(
  db: Queryable,
  { thread_id, window_end_seq, truncation_strategy }: RunRow,
  { kept, limited_by }: TurnRequest,
): Promise<Dropped> {
  const most = truncation_strategy.last_messages ?? Infinity;
  const count = kept.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  const reason = count >= most ? 'last_messages' : limited_by;
  const rows = await query<Dropped['messages'][number] & { count: number }>(
    db,
    'explain.dropped',
    `select id, tokens, count(*) over () as count,
       case when status = 'completed' or incomplete_reason in ('max_tokens', 'run_cancelled') then $4 else 'cut_off' end as reason
     from messages m where thread_id = $1 and seq <= $2
       and not exists (select from jsonb_array_elements($3::jsonb) k where seq between (k ->> 0)::integer and (k ->> 1)::integer)
     order by seq desc limit 100`,
    [thread_id, window_end_seq, toJson(kept), reason],
  );
  const messages = rows.map(({ count: _count, ...message }) => message);
  return { count: rows[0]?.count ?? 0, messages };
}

async function readSearches(
  db: Queryable,
  runId: RunId,
  withContent: boolean,
): Promise<RunExplanation['searches']> {
  type Call = { step_id: string; id: string; input: string; result: ToolCallResult | null };
  const calls = await query<Call>(
    db,
    'explain.searches',
    `select c.step_id, c.id, c.input, c.result from tool_calls c join run_steps s on s.id = c.step_id
     where c.run_id = $1 and c.type = 'file_search' order by s.seq, c.index`,
    [runId],
  );
  return calls.map(({ step_id, id, input, result }) => ({
    step_id,
    call_id: id,
    results: (result?.search?.results ?? []).map(({ file_id, file_name, score }) => ({
      file_id,
      file_name,
      score,
    })),
    ...(withContent && { query: input }),
  }));
}
