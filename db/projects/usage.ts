/** Usage by project, key and day. Tokens, runs and cells are counted in the transactions that store them. */
import type { UsageBucket, UsageResult } from '../../wire/admin/answers.ts';
import type { RunId } from '../../wire/ids.ts';
import type { UsageQuery } from '../../wire/admin/usage-query.ts';
import type { Pool, Queryable } from '../core/pool.ts';
import { columnsOf, query } from '../core/pool.ts';

const COUNTS = [
  'requests',
  'runs',
  'prompt_tokens',
  'cached_tokens',
  'completion_tokens',
  'reasoning_tokens',
  'sandbox_ms',
] as const;
const COLUMNS = [...COUNTS, 'cost'];
const SUMS = COLUMNS.map((name) => `sum(${name}) as ${name}`).join(', ');
const READ = `${COUNTS.map((name) => `sum(${name})::bigint as ${name}`).join(', ')}, sum(cost)::float8 as cost_usd`;

/** Changes that are summed up at once. */
const BATCH = 20_000;
const DAY_SECONDS = 86_400;

/** SQL that counts the tokens of `owners`, a table with `project_id` and `key_id`. */
export const COUNT_TOKENS = (
  prompt: string,
  cached: string,
  completion: string,
  ...[reasoning, cost]: [reasoning: string, cost: string]
) =>
  `insert into usage_changes (project_id, key_id, prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens, cost)
   select project_id, coalesce(key_id, ''), ${prompt}::bigint, ${cached}::bigint, ${completion}::bigint, ${reasoning}::bigint,
     ${cost}::numeric from owners`;

export async function countCell(db: Queryable, runId: RunId, ms: number): Promise<void> {
  await query(
    db,
    'usage.count-cell',
    `insert into usage_changes (project_id, key_id, sandbox_ms)
     select project_id, coalesce(key_id, ''), $2::bigint from runs where id = $1`,
    [runId, ms],
  );
}

export type CountedRequests = { project: string; key: string; requests: number };

/** A count that arrives after its project was erased is dropped: it would be a row that nobody deletes. */
export async function countRequests(db: Queryable, counted: CountedRequests[]): Promise<void> {
  await query(
    db,
    'usage.count-requests',
    `insert into usage_changes (project_id, key_id, requests)
     select * from unnest($1::text[], $2::text[], $3::bigint[]) as c (project_id, key_id, requests)
     where exists (select from projects p where p.id = c.project_id)`,
    columnsOf(counted, 'project', 'key', 'requests'),
  );
}

/** Adds the changes to their days, and writes down what projects store today. */
export async function sumUsage(pool: Pool): Promise<void> {
  const added = COLUMNS.map((name) => `${name} = u.${name} + excluded.${name}`).join(', ');
  for (let summed = BATCH; summed === BATCH;) {
    const rows = await query<{ count: number }>(
      pool,
      'usage.sum',
      `with gone as (delete from usage_changes where ctid = any(array(
           select ctid from usage_changes limit ${BATCH} for update skip locked)) returning *),
         added as (insert into usage_days as u (project_id, key_id, day, ${COLUMNS.join(', ')})
           select project_id, key_id, day, ${SUMS} from gone group by project_id, key_id, day order by 1, 3, 2
           on conflict (project_id, day, key_id) do update set ${added})
       select count(*) from gone`,
    );
    summed = rows[0]!.count;
  }
  await query(
    pool,
    'usage.stored',
    `insert into usage_days as u (project_id, day, stored_bytes)
     select id, (clock_timestamp() at time zone 'utc')::date, blob_bytes + row_bytes from projects order by id
     on conflict (project_id, day, key_id) do update set stored_bytes = excluded.stored_bytes
       where u.stored_bytes is distinct from excluded.stored_bytes`,
  );
}

type Row = Omit<UsageResult, 'object' | 'sandbox_seconds'> & { at: number; sandbox_ms: number };

/** A bucket for each day, also for those without usage. */
export async function readUsage(
  db: Queryable,
  { from, days, project_id, api_key_id, group_by }: Omit<UsageQuery, 'has_more'>,
): Promise<UsageBucket[]> {
  const by = (name: 'project_id' | 'api_key_id') => group_by.includes(name);
  const names = COLUMNS.join(', ');
  const rows = await query<Row>(
    db,
    'usage.read',
    `select extract(epoch from day)::bigint as at, case when $5 then project_id end as project_id,
       case when $6 then nullif(key_id, '') end as api_key_id, ${READ}, sum(stored_bytes)::bigint as stored_bytes
     from (
       select project_id, key_id, day, ${names}, stored_bytes from usage_days
       union all select project_id, key_id, day, ${names}, null from usage_changes
       union all select project_id, '', day, 0, 0, prompt_tokens, 0, completion_tokens, 0, 0, cost, null from model_usage) u
     where day >= to_timestamp($1)::date and day < to_timestamp($1)::date + $2::int
       and ($3::text is null or project_id = $3) and ($4::text is null or key_id = $4)
     group by 1, 2, 3 order by 1, 2, 3`,
    [from, days, project_id ?? null, api_key_id ?? null, by('project_id'), by('api_key_id')],
  );
  const found = Map.groupBy(rows, ({ at }) => at);
  return Array.from({ length: days }, (_, index) => {
    const start = from + index * DAY_SECONDS;
    const results = (found.get(start) ?? []).map(toResult);
    return { object: 'bucket', start_time: start, end_time: start + DAY_SECONDS, results };
  });
}

function toResult(row: Row): UsageResult {
  const { at: _, sandbox_ms: ms, ...counts } = row;
  return { object: 'threadmill.usage.result', ...counts, sandbox_seconds: ms / 1_000 };
}
