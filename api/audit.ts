/** Performs an operation, and records it in the same transaction if its declaration says so. */
import type { Tx } from '../db/core/pool.ts';
import type { AuditEvent } from '../db/projects/audit.ts';
import { recordAudit } from '../db/projects/audit.ts';
import type { Call, Operation, Written } from './operation.ts';

type AuditedCall = Call<string, unknown, unknown>;

export async function recordOperation(
  tx: Tx,
  operation: Operation,
  call: AuditedCall,
  written: Written<unknown>,
): Promise<void> {
  const event = auditEventOf(operation, call, written);
  if (event !== undefined) await recordAudit(tx, event);
}

/** After the commit. */
export function logOperation(
  operation: Operation,
  call: AuditedCall,
  written: Written<unknown>,
): void {
  const event = auditEventOf(operation, call, written);
  if (event === undefined) return;
  const { actor, project: project_id, type, resource: resource_id } = event;
  call.context.log.info({ actor, project_id, type, resource_id }, 'Audit');
}

function auditEventOf(
  { audit: type }: Operation,
  { caller, project }: AuditedCall,
  { object, audited }: Written<unknown>,
): AuditEvent | undefined {
  if (type === undefined || audited === null) return undefined;
  const resource = (object as { id: string }).id;
  return { actor: caller.key, project, resource, ...audited, type };
}
