/**
 * The objects of administrators, after those of the hosted service's admin API. `owner` of a key is left out: keys belong to
 * projects here.
 */
import { z } from 'zod';

import { each, idOf, integer, nullableInteger, text } from '../answers.ts';
import { keyLimitsSchema, limitsSchema } from './project-limits.ts';
import { SCOPES } from './scopes.ts';

const keyId = idOf('api_key');
const projectId = idOf('project');

export const project = z
  .object({
    id: projectId,
    object: z.literal('organization.project'),
    name: text,
    created_at: integer,
    limits: limitsSchema.meta({ description: 'Those that were set.' }),
    archived_at: nullableInteger,
    /** `deleting`: nobody can use the project any more, and its rows are being deleted. */
    status: z.enum(['active', 'deleting']),
  })
  .meta({ id: 'Project' });

/** `content`, of a dry run: what the deletion would take. */
export const deletedProject = z
  .object({
    id: projectId,
    object: z.literal('organization.project.deleted'),
    deleted: z.boolean(),
    content: z
      .object(each(integer, 'assistants', 'threads', 'runs', 'files', 'vector_stores', 'bytes'))
      .optional(),
  })
  .meta({ id: 'DeletedProject' });

/** What the retention of these days would delete now. 0 days: nothing. */
export const retention = z
  .object({
    object: z.literal('threadmill.retention'),
    ...each(integer, 'thread_ttl_days', 'run_ttl_days', 'threads', 'runs'),
  })
  .meta({ id: 'Retention' });

const keyFields = {
  id: keyId,
  object: z.literal('organization.project.api_key'),
  project_id: projectId,
  name: text,
  redacted_value: text,
  scopes: z.array(z.enum(SCOPES)),
  created_at: integer,
  ...each(nullableInteger, 'last_used_at', 'expires_at', 'revoked_at'),
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
    effective_at: integer,
    actor,
    project: z.object({ id: projectId }),
    resource_id: text,
  })
  .meta({ id: 'AuditLog' });

const usageResult = z.object({
  object: z.literal('threadmill.usage.result'),
  project_id: projectId.nullable(),
  api_key_id: keyId.nullable(),
  ...each(integer, 'requests', 'runs'),
  ...each(integer, 'prompt_tokens', 'cached_tokens', 'completion_tokens', 'reasoning_tokens'),
  cost_usd: z.number(),
  sandbox_seconds: z.number(),
  stored_bytes: nullableInteger,
});
const usageBucket = z.object({
  object: z.literal('bucket'),
  start_time: integer,
  end_time: integer,
  results: z.array(usageResult),
});
export const usagePage = z
  .object({
    object: z.literal('page'),
    data: z.array(usageBucket),
    has_more: z.boolean(),
    next_page: nullableInteger,
  })
  .meta({ id: 'UsagePage' });

export type UsageResult = z.infer<typeof usageResult>;
export type UsageBucket = z.infer<typeof usageBucket>;
export type Project = z.infer<typeof project>;
export type ProjectKey = z.infer<typeof projectKey>;
export type CreatedKey = z.infer<typeof createdKey>;
export type AuditLog = z.infer<typeof auditLog>;
