/**
 * The objects of administrators, after those of the hosted service's admin API. `owner` of a key is left out: keys belong to
 * projects here.
 */
import { z } from 'zod';

import type { KeyId, ProjectId } from './ids.ts';
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
    archived_at: z.null(),
    status: z.literal('active'),
  })
  .meta({ id: 'Project' });

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

export type Project = z.infer<typeof project>;
export type ProjectKey = z.infer<typeof projectKey>;
export type CreatedKey = z.infer<typeof createdKey>;
export type AuditLog = z.infer<typeof auditLog>;
