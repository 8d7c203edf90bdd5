/** Requests of administrators: projects, their keys and the audit log. */
import { z } from 'zod';

import { checkId } from '../ids.ts';
import { keyLimitsSchema, limitsSchema } from './project-limits.ts';
import { DEFAULT_SCOPES, SCOPES } from './scopes.ts';
import { flag, integer, list, or, text } from '../requests/fields.ts';
import { LIMITS } from '../requests/limits.ts';
import { asNumber, listQuery } from '../requests/queries.ts';

const YEAR_SECONDS = 365 * 86_400;
const name = text(LIMITS.name, 1).regex(/\S/u);

export const createProjectSchema = z.strictObject({ name });
export const modifyProjectSchema = z.strictObject({ limits: limitsSchema });

/** The hosted service's name for the lifetime of a key; null: it does not expire. */
export const createKeySchema = z.strictObject({
  name,
  scopes: or(list(z.enum(SCOPES), 'strings', SCOPES.length).min(1), [...DEFAULT_SCOPES]),
  expires_in_seconds: or(integer(1, 10 * YEAR_SECONDS), null),
});

export const modifyKeySchema = z.strictObject({ limits: keyLimitsSchema });

/** How long the former key goes on to work. */
export const rotateKeySchema = z.strictObject({
  overlap_seconds: or(integer(0, YEAR_SECONDS), 86_400),
});

/** `dry_run`: the answer says what would be deleted. */
export const deleteProjectQuery = z.object({
  dry_run: flag,
});

const days = z.preprocess(asNumber, integer(0, 36_500).optional());

/** The days of the settings, unless the query names others. */
export const retentionQuery = z.object({ thread_ttl_days: days, run_ttl_days: days });

const filter = z.string().max(LIMITS.fileId).optional();
const time = integer(0, 4_102_444_800).optional();

/** @throws ApiError 400 for a `project_id` that cannot be a project's */
export const auditQuery = listQuery
  .extend({
    project_id: filter,
    actor_id: filter,
    event_type: filter,
    resource_id: filter,
    created_after: time,
    created_before: time,
  })
  .transform((query) => {
    if (query.project_id !== undefined) checkId('project_id', query.project_id);
    return query;
  });
