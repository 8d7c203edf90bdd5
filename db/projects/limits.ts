/** Limits that were set for a project or a key. Defaults are the settings' and come from the caller. */
import type { KeyId, ProjectId } from '../../wire/ids.ts';
import type { Limits, LimitsChange } from '../../wire/admin/project-limits.ts';
import { toJson } from '../core/json.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';

/** The limits that are set now. Undefined: there is no such project or key. API processes know the change within two seconds. */
export async function changeLimits(
  db: Queryable,
  owner: { project: ProjectId } | { key: KeyId },
  change: LimitsChange,
): Promise<{ project: ProjectId; limits: Limits } | undefined> {
  const [table, id, project] =
    'key' in owner ? ['api_keys', owner.key, 'project_id'] : ['projects', owner.project, 'id'];
  const rows = await query<{ project: ProjectId; limits: Limits }>(
    db,
    `limits.change-${table}`,
    `update ${table} set limits = jsonb_strip_nulls(limits || $2::jsonb) where id = $1
     returning ${project} as project, limits`,
    [id, toJson(change)],
  );
  return rows[0];
}
