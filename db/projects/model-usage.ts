/** Requests and tokens that passed through to model servers, per project, day, model and endpoint. */
import { tokensUsed } from '../../telemetry/metrics.ts';
import type { KeyId, ProjectId } from '../../wire/ids.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { CHARGE_TOKENS } from './rate-buckets.ts';

export type PassedRequest = {
  projectId: ProjectId;
  keyId: KeyId;
  model: string;
  endpoint: string;
  /** The tokens were counted here: the server did not report them. */
  estimated: boolean;
  promptTokens: number;
  completionTokens: number;
  totalTokens: number;
  /** In US dollars. */
  cost?: number;
};

export type ModelUsage = {
  day: string;
  project: string;
  model: string;
  endpoint: string;
  requests: number;
  estimated: number;
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
};

/** Adds one request to its project's day, in UTC, and charges its tokens to the limits. */
export async function addModelUsage(db: Queryable, passed: PassedRequest): Promise<void> {
  const { projectId, model, endpoint, estimated } = passed;
  await query(
    db,
    'model-usage.add',
    `with owners as (select $1 as project_id, $8 as key_id), charged as (${CHARGE_TOKENS('$7::bigint')})
     insert into model_usage as u (project_id, day, model, endpoint, requests, estimated, prompt_tokens, completion_tokens, total_tokens, cost)
     values ($1, (clock_timestamp() at time zone 'utc')::date, $2, $3, 1, $4, $5, $6, $7, $9)
     on conflict (project_id, day, model, endpoint) do update set
       requests = u.requests + 1,
       estimated = u.estimated + excluded.estimated,
       prompt_tokens = u.prompt_tokens + excluded.prompt_tokens,
       completion_tokens = u.completion_tokens + excluded.completion_tokens,
       total_tokens = u.total_tokens + excluded.total_tokens,
       cost = u.cost + excluded.cost`,
    [
      projectId,
      model,
      endpoint,
      Number(estimated),
      passed.promptTokens,
      passed.completionTokens,
      passed.totalTokens,
      passed.keyId,
      passed.cost ?? 0,
    ],
  );
  const { promptTokens: input, completionTokens: output } = passed;
  tokensUsed({ project: projectId, model, input, output, cached: 0, reasoning: 0 });
}

/** The last `days`, oldest first; of one project, or of all. */
export async function listModelUsage(
  db: Queryable,
  days: number,
  project: string | undefined,
): Promise<ModelUsage[]> {
  return query<ModelUsage>(
    db,
    'model-usage.list',
    `select u.day, p.name as project, u.model, u.endpoint, u.requests, u.estimated,
       u.prompt_tokens, u.completion_tokens, u.total_tokens
     from model_usage u join projects p on p.id = u.project_id
     where u.day > (clock_timestamp() at time zone 'utc')::date - $1::int and ($2::text is null or p.name = $2)
     order by u.day, p.name, u.model, u.endpoint`,
    [days, project ?? null],
  );
}
