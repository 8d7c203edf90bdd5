import type { AssistantId, ProjectId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import { toAssistant } from '../../wire/objects.ts';
import type { AssistantRow } from '../../wire/rows.ts';
import type { Assistant } from '../../wire/types.ts';
import { found } from '../core/read-by-id.ts';
import { toJson } from '../core/json.ts';
import { forgetAnswers } from '../core/idempotency.ts';
import { BY_PLACE } from '../core/list-page.ts';
import { keepPlaces } from '../core/list-places.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { readers } from '../core/project-list.ts';

/** What the caller of the API may set; everything is present, with defaults already filled in. */
export type AssistantFields = Omit<AssistantRow, 'id' | 'created_at'>;

const COLUMNS = `id, created_at, name, description, model, instructions, tools, tool_resources, metadata, temperature,
  top_p, response_format, reasoning_effort`;

export async function createAssistant(
  db: Queryable,
  projectId: ProjectId,
  fields: AssistantFields,
): Promise<Assistant> {
  const rows = await query<AssistantRow>(
    db,
    'assistants.create',
    `insert into assistants (id, project_id, created_at, name, description, model, instructions, tools, tool_resources,
       metadata, temperature, top_p, response_format, reasoning_effort)
     values ($1, $2, unix_now(), $3, $4, $5, $6, $7::jsonb, $8::jsonb, $9::jsonb, $10, $11, $12::jsonb, $13)
     returning ${COLUMNS}`,
    [mintId('assistant'), projectId, ...values(fields)],
  );
  return toAssistant(rows[0]!);
}

export const { get: getAssistantRow, list: listAssistants } = readers(
  'assistant',
  {
    columns: COLUMNS,
    table: 'assistants',
    orderBy: BY_PLACE,
    places: { list: 'assistants', owner: '$1' },
  },
  toAssistant,
);

/**
 * Replaces every field with what `change` makes of the stored ones, under the row's lock.
 * @throws ApiError 404
 */
export async function modifyAssistant(
  tx: Queryable,
  projectId: ProjectId,
  id: AssistantId,
  change: (current: AssistantFields) => AssistantFields,
): Promise<Assistant> {
  const rows = await query<AssistantRow>(
    tx,
    'assistants.lock',
    `select ${COLUMNS} from assistants where id = $1 and project_id = $2 for update`,
    [id, projectId],
  );
  const current = found(rows[0], 'assistant', id);
  const changed = await query<AssistantRow>(
    tx,
    'assistants.modify',
    `update assistants set name = $3, description = $4, model = $5, instructions = $6, tools = $7::jsonb,
       tool_resources = $8::jsonb, metadata = $9::jsonb, temperature = $10, top_p = $11, response_format = $12::jsonb,
       reasoning_effort = $13
     where id = $1 and project_id = $2 returning ${COLUMNS}`,
    [id, projectId, ...values(change(current))],
  );
  return toAssistant(changed[0]!);
}

/** Runs and messages that name the assistant stay readable. @throws ApiError 404 */
export async function deleteAssistant(
  tx: Tx,
  projectId: ProjectId,
  id: AssistantId,
): Promise<void> {
  const rows = await query<{ id: string }>(
    tx,
    'assistants.delete',
    `with gone as (delete from assistants where id = $1 and project_id = $2 returning id, project_id, list_place),
       places as (${keepPlaces('assistants', 'project_id', 'list_place')})
     select id from gone`,
    [id, projectId],
  );
  found(rows[0], 'assistant', id);
  await forgetAnswers(tx, id);
}

function values(fields: AssistantFields): unknown[] {
  return [
    fields.name,
    fields.description,
    fields.model,
    fields.instructions,
    toJson(fields.tools),
    toJson(fields.tool_resources),
    toJson(fields.metadata),
    fields.temperature,
    fields.top_p,
    toJson(fields.response_format),
    fields.reasoning_effort,
  ];
}
