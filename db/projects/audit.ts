/** The audit log: who created, rotated, revoked, deleted or limited what. It holds ids and no content. */
import { userInfo } from 'node:os';

import type { AuditLog } from '../../wire/admin/answers.ts';
import { auditLog } from '../../wire/admin/answers.ts';
import type { KeyId, ProjectId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import { fieldsOf } from '../../wire/objects.ts';
import type { ListEnvelope } from '../../wire/types.ts';
import type { ListQuery } from '../core/list-page.ts';
import { listPage } from '../core/list-page.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';

/** An API key, or who runs a command on this computer. */
export type Actor = KeyId | `cli:${string}`;

export type AuditEvent = { actor: Actor; project: ProjectId; type: string; resource: string };

export function cliActor(): Actor {
  try {
    return `cli:${userInfo().username}`;
  } catch {
    return `cli:${process.getuid?.()}`; // the user of a container may have no name
  }
}

/** In the transaction of the change, so that a change has its row and a row its change. */
export async function recordAudit(tx: Tx, event: AuditEvent): Promise<void> {
  const { actor, project, type, resource } = event;
  await query(
    tx,
    'audit.record',
    `insert into audit_events (id, effective_at, actor, project_id, type, resource_id)
     values ($1, unix_now(), $2, $3, $4, $5)`,
    [mintId('audit_log'), actor, project, type, resource],
  );
}

type Row = Pick<AuditLog, 'id' | 'type' | 'effective_at' | 'resource_id'> & {
  actor: Actor;
  project_id: ProjectId;
};

export type AuditFilter = Partial<
  Record<'project_id' | 'actor_id' | 'event_type' | 'resource_id', string | undefined> &
    /** Unix seconds. Events of that second are left out. */
    Record<'created_after' | 'created_before', number | undefined>
>;

export async function listAudit(
  db: Queryable,
  { project_id, actor_id, event_type, resource_id, ...rest }: ListQuery & AuditFilter,
): Promise<ListEnvelope<AuditLog>> {
  const { created_after, created_before, ...page } = rest;
  const equal = ['project_id', 'actor', 'type', 'resource_id'].map(
    (column, index) => `($${index + 1}::text is null or ${column} = $${index + 1})`,
  );
  const values = [project_id, actor_id, event_type, resource_id, created_after, created_before];
  const source = {
    name: 'audit',
    columns: 'id, effective_at, actor, project_id, type, resource_id',
    table: 'audit_events',
    scope: {},
    filter: {
      where: `${equal.join(' and ')} and ($5::bigint is null or effective_at > $5)
        and ($6::bigint is null or effective_at < $6)`,
      values: values.map((value) => value ?? null),
    },
    orderBy: 'id',
  } as const;
  return listPage<Row, AuditLog>(db, source, page, toAuditLog);
}

const toAuditLog = (row: Row): AuditLog =>
  fieldsOf(auditLog, {
    ...row,
    object: 'organization.audit_log',
    actor: row.actor.startsWith('cli:')
      ? { type: 'cli', user: row.actor.slice('cli:'.length) }
      : { type: 'api_key', api_key: { id: row.actor as KeyId } },
    project: { id: row.project_id },
  });
