import { listAudit } from '../../../db/projects/audit.ts';
import { auditLog } from '../../../wire/admin/answers.ts';
import { listOf } from '../../../wire/answers.ts';
import { auditQuery } from '../../../wire/admin/requests.ts';
import { operation } from '../../operation.ts';

export const listAuditLogs = operation({
  route: 'GET /threadmill/audit',
  extension: true,
  query: auditQuery,
  answer: listOf(auditLog),
  read: ({ pool, query }) => listAudit(pool, query),
});
