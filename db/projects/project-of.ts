/** Activities know the id of a run, an ingest or a batch: their statements see its project. */
import type { BatchId, ProjectId, RunId, ScheduleId, WebhookDeliveryId } from '../../wire/ids.ts';
import type { Queryable } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { inProject, inWholeDatabase } from '../core/row-scope.ts';

type OwnerId = RunId | BatchId | ScheduleId | WebhookDeliveryId | number;

/** Projects by run, ingest or batch, of each database: a row never changes its project. */
const projects = new WeakMap<Queryable, Map<OwnerId, ProjectId>>();
const KNOWN = 10_000;

export function ofRun<T>(db: Queryable, id: RunId, work: () => Promise<T>): Promise<T> {
  return ofOwner(db, id, work, {
    name: 'project-of.run',
    text: 'select project_id from runs where id = $1',
  });
}

export function ofBatch<T>(db: Queryable, id: BatchId, work: () => Promise<T>): Promise<T> {
  return ofOwner(db, id, work, {
    name: 'project-of.batch',
    text: 'select project_id from batches where id = $1',
  });
}

export function ofSchedule<T>(db: Queryable, id: ScheduleId, work: () => Promise<T>): Promise<T> {
  return ofOwner(db, id, work, {
    name: 'project-of.schedule',
    text: 'select project_id from schedules where id = $1',
  });
}

export function ofWebhook<T>(
  db: Queryable,
  id: WebhookDeliveryId,
  work: () => Promise<T>,
): Promise<T> {
  return ofOwner(db, id, work, {
    name: 'project-of.webhook',
    text: 'select project_id from webhook_deliveries where id = $1',
  });
}

/** `seq`: of the row in vector_store_files. */
export function ofIngest<T>(db: Queryable, seq: number, work: () => Promise<T>): Promise<T> {
  return ofOwner(db, seq, work, {
    name: 'project-of.ingest',
    text: 'select project_id from vector_store_files where seq = $1',
  });
}

/** Of what was deleted, `work` sees nothing, as it should. */
async function ofOwner<T>(
  db: Queryable,
  id: OwnerId,
  work: () => Promise<T>,
  { name, text }: { name: string; text: string },
): Promise<T> {
  const known = projects.get(db) ?? new Map<OwnerId, ProjectId>();
  projects.set(db, known);
  let project = known.get(id);
  if (project === undefined) {
    const read = () => query<{ project_id: ProjectId }>(db, name, text, [id]);
    [{ project_id: project } = { project_id: undefined }] = await inWholeDatabase(read);
    if (known.size >= KNOWN) known.clear();
    if (project !== undefined) known.set(id, project);
  }
  return inProject(project, work);
}
