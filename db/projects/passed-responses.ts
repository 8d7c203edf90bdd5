/** Responses that model servers keep: only the project that made one may read, cancel, delete or continue it. */
import type { ProjectId } from '../../wire/ids.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';

/** As long as OpenAI keeps responses. */
const KEPT_DAYS = 30;

export async function rememberResponse(
  db: Queryable,
  projectId: ProjectId,
  id: string,
  model: string,
): Promise<void> {
  await query(
    db,
    'passed-responses.add',
    'insert into passed_responses (project_id, id, model) values ($1, $2, $3) on conflict do nothing',
    [projectId, id, model],
  );
}

/** The model that answered; undefined for a response that the project did not make. */
export async function modelOfResponse(
  db: Queryable,
  projectId: ProjectId,
  id: string,
): Promise<string | undefined> {
  const rows = await query<{ model: string }>(
    db,
    'passed-responses.model',
    'select model from passed_responses where project_id = $1 and id = $2',
    [projectId, id],
  );
  return rows[0]?.model;
}

export async function forgetOldResponses(db: Queryable): Promise<void> {
  await query(
    db,
    'passed-responses.forget',
    `delete from passed_responses where created_at < clock_timestamp() - interval '${KEPT_DAYS} days'`,
  );
}
