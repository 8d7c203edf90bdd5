/** Limits that were set for a project or a key. Defaults are the settings' and come from the caller. */
import type { KeyId, ProjectId } from '../../wire/ids.ts';
import type { Limits, LimitsChange } from '../../wire/project-limits.ts';
import { toJson } from '../core/json.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';

/** Undefined: there is no such project or key. API processes know the change within two seconds. */
export async function changeLimits(
  db: Queryable,
  owner: { project: ProjectId } | { key: KeyId },
  change: LimitsChange,
): Promise<Limits | undefined> {
  const [table, id] = 'key' in owner ? ['api_keys', owner.key] : ['projects', owner.project];
  const rows = await query<{ limits: Limits }>(
    db,
    `limits.change-${table}`,
    `update ${table} set limits = jsonb_strip_nulls(limits || $2::jsonb) where id = $1 returning limits`,
    [id, toJson(change)],
  );
  return rows[0]?.limits;
}
