/** Projects. Each is created by name, by an administrator or with its first key. */
import type { Project } from '../../wire/admin/answers.ts';
import { project } from '../../wire/admin/answers.ts';
import { projectExists } from '../../wire/errors/errors.ts';
import type { ProjectId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import { fieldsOf } from '../../wire/objects.ts';
import type { ListEnvelope } from '../../wire/types.ts';
import type { ListQuery } from '../core/list-page.ts';
import { BY_AGE, listPage } from '../core/list-page.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { readById } from '../core/read-by-id.ts';

type Row = Pick<Project, 'id' | 'name' | 'created_at' | 'limits'> & { deleted_at: number | null };

const COLUMNS = 'id, name, created_at, limits, deleted_at';

/** @throws ApiError 400 when the name is taken */
export async function createProject(tx: Tx, name: string): Promise<Project> {
  const row = await insertProject(tx, name);
  if (row === undefined) throw projectExists(name);
  return toProject(row);
}

/** The project of that name; `created` when it is new. */
export async function ensureProject(
  tx: Tx,
  name: string,
): Promise<{ id: ProjectId; created: boolean }> {
  const row = await insertProject(tx, name);
  if (row !== undefined) return { id: row.id, created: true };
  const text = 'select id from projects where name = $1';
  const rows = await query<{ id: ProjectId }>(tx, 'projects.by-name', text, [name]);
  return { id: rows[0]!.id, created: false };
}

async function insertProject(tx: Tx, name: string): Promise<Row | undefined> {
  const rows = await query<Row>(
    tx,
    'projects.create',
    `insert into projects (id, name, created_at) values ($1, $2, unix_now())
     on conflict (name) do nothing returning ${COLUMNS}`,
    [mintId('project'), name],
  );
  return rows[0];
}

/** @throws ApiError 404 */
export async function getProject(db: Queryable, id: ProjectId): Promise<Project> {
  const select = `select ${COLUMNS} from projects`;
  return toProject(await readById<Row>(db, 'project', select, { id }));
}

export async function listProjects(db: Queryable, page: ListQuery): Promise<ListEnvelope<Project>> {
  const source = {
    name: 'projects',
    columns: COLUMNS,
    table: 'projects',
    scope: {},
    orderBy: BY_AGE,
  } as const;
  return listPage<Row, Project>(db, source, page, toProject);
}

export async function projectNames(db: Queryable): Promise<Map<ProjectId, string>> {
  const text = 'select id, name from projects';
  const rows = await query<{ id: ProjectId; name: string }>(db, 'projects.names', text);
  return new Map(rows.map(({ id, name }) => [id, name]));
}

function toProject(row: Row): Project {
  const archived_at = row.deleted_at;
  const status = archived_at === null ? 'active' : 'deleting';
  return fieldsOf(project, { ...row, object: 'organization.project', archived_at, status });
}
