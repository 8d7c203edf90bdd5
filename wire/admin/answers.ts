/**
 * The objects of administrators, after those of the hosted service's admin API. `owner` of a key is left out: keys belong to
 * projects here.
 */
import { z } from 'zod';

import type { KeyId, ProjectId } from '../ids.ts';
import { keyLimitsSchema, limitsSchema } from './project-limits.ts';
import { SCOPES } from './scopes.ts';

const text = z.string();
const time = z.number().meta({ type: 'integer' });
const nullableTime = time.nullable();
const keyId = text as unknown as z.ZodType<KeyId>;
const projectId = text as unknown as z.ZodType<ProjectId>;

export const project = z
  .object({
    id: projectId,
    object: z.literal('organization.project'),
    name: text,
    created_at: time,
    limits: limitsSchema.meta({ description: 'Those that were set.' }),
    archived_at: nullableTime,
    /** `deleting`: nobody can use the project any more, and its rows are being deleted. */
    status: z.enum(['active', 'deleting']),
  })
  .meta({ id: 'Project' });

const count = z.number().meta({ type: 'integer' });

/** `content`, of a dry run: what the deletion would take. */
export const deletedProject = z
  .object({
    id: projectId,
    object: z.literal('organization.project.deleted'),
    deleted: z.boolean(),
    content: z
      .object({
        assistants: count,
        threads: count,
        runs: count,
        files: count,
        vector_stores: count,
        bytes: count,
      })
      .optional(),
  })
  .meta({ id: 'DeletedProject' });

/** What the retention of these days would delete now. 0 days: nothing. */
export const retention = z
  .object({
    object: z.literal('threadmill.retention'),
    thread_ttl_days: count,
    run_ttl_days: count,
    threads: count,
    runs: count,
  })
  .meta({ id: 'Retention' });

const keyFields = {
  id: keyId,
  object: z.literal('organization.project.api_key'),
  project_id: projectId,
  name: text,
  redacted_value: text,
  scopes: z.array(z.enum(SCOPES)),
  created_at: time,
  last_used_at: nullableTime,
  expires_at: nullableTime,
  revoked_at: nullableTime,
  limits: keyLimitsSchema.meta({ description: 'Those that were set.' }),
};
export const projectKey = z.object(keyFields).meta({ id: 'ProjectApiKey' });

/** `value` is the key itself, which no other answer has. */
export const createdKey = z.object({ ...keyFields, value: text }).meta({ id: 'CreatedApiKey' });

const actor = z.union([
  z.object({ type: z.literal('api_key'), api_key: z.object({ id: keyId }) }),
  z.object({ type: z.literal('cli'), user: text }),
]);

export const auditLog = z
  .object({
    id: text,
    object: z.literal('organization.audit_log'),
    type: text,
    effective_at: time,
    actor,
    project: z.object({ id: projectId }),
    resource_id: text,
  })
  .meta({ id: 'AuditLog' });

const usageResult = z.object({
  object: z.literal('threadmill.usage.result'),
  project_id: projectId.nullable(),
  api_key_id: keyId.nullable(),
  requests: time,
  runs: time,
  prompt_tokens: time,
  cached_tokens: time,
  completion_tokens: time,
  reasoning_tokens: time,
  cost_usd: z.number(),
  sandbox_seconds: z.number(),
  stored_bytes: nullableTime,
});
const usageBucket = z.object({
  object: z.literal('bucket'),
  start_time: time,
  end_time: time,
  results: z.array(usageResult),
});
export const usagePage = z
  .object({
    object: z.literal('page'),
    data: z.array(usageBucket),
    has_more: z.boolean(),
    next_page: nullableTime,
  })
  .meta({ id: 'UsagePage' });

export type UsageResult = z.infer<typeof usageResult>;
export type UsageBucket = z.infer<typeof usageBucket>;
export type Project = z.infer<typeof project>;
export type ProjectKey = z.infer<typeof projectKey>;
export type CreatedKey = z.infer<typeof createdKey>;
export type AuditLog = z.infer<typeof auditLog>;
