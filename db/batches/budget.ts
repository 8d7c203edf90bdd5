/** What happens once the budget of a batch, or that of its project, is used up. */
import type { BatchId, ProjectId } from '../../wire/ids.ts';
import type { BatchRow } from '../../wire/rows.ts';
import { toJson } from '../core/json.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { IS_SPENT } from './spend.ts';
import { pauseBatchFor } from './transitions.ts';

/** Once a budget is used up, no further line starts: the batch is paused, or its other lines end, as it says. */
export async function applyBudget(
  db: Queryable,
  { id, project_id, budget, paused }: BatchRow,
): Promise<void> {
  if (paused || !(await isExceeded(db, id, project_id))) return;
  if (budget.on_exceeded === 'end') await endUnpaid(db, id);
  else await pauseBatchFor(db, id, 'budget_exceeded');
}

/** Of the batch, or of its project in this month, while lines are left that have not started. */
async function isExceeded(db: Queryable, id: BatchId, project: ProjectId): Promise<boolean> {
  const rows = await query<{ exceeded: boolean }>(
    db,
    'batches.is-exceeded',
    `select ${IS_SPENT} or ${PROJECT_IS_SPENT} as exceeded from batches
     where id = $1 and exists (select from batch_lines l where l.batch_id = $1 and l.state = 'pending')`,
    [id, project],
  );
  return rows[0]?.exceeded ?? false;
}

const MONTH = `date_trunc('month', clock_timestamp() at time zone 'utc')::date`;

/** Everything that the project has used this month, in UTC. 0 is no limit, as for other limits. */
const PROJECT_IS_SPENT = `exists (select from projects p, lateral (
    select sum(u.prompt_tokens + u.completion_tokens) as tokens, sum(u.cost) as cost from (
      select prompt_tokens, completion_tokens, cost from usage_days where project_id = p.id and day >= ${MONTH}
      union all select prompt_tokens, completion_tokens, cost from usage_changes where project_id = p.id and day >= ${MONTH}
      union all select prompt_tokens, completion_tokens, cost from model_usage where project_id = p.id and day >= ${MONTH}) u) used
  where p.id = $2 and p.limits ?| array['budget_tokens', 'budget_usd']
    and (used.tokens >= nullif((p.limits->>'budget_tokens')::bigint, 0)
      or used.cost >= nullif((p.limits->>'budget_usd')::numeric, 0)))`;

const UNPAID = {
  error: {
    code: 'budget_exceeded',
    message: 'This request was not executed: the budget was used up before.',
  },
};

async function endUnpaid(db: Queryable, id: BatchId): Promise<void> {
  await query(
    db,
    'batch-lines.end-unpaid',
    `update batch_lines set state = 'failed', response = $2::json where batch_id = $1 and state = 'pending'`,
    [id, toJson(UNPAID)],
  );
}
