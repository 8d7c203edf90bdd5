/** Assistants with every field and every tool, and the models. */
import type { AssistantCreateParams } from 'openai/resources/beta/assistants';

import { createFile } from '../../support/files.ts';
import { emptyProject, readAll, request } from './scene.ts';
import type { Scene } from './scene.ts';

const FUNCTION = {
  name: 'get_weather',
  description: 'The weather in a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
  strict: true,
};
const SCHEMA = { type: 'object', properties: {}, additionalProperties: false };

/** One assistant each. `model` is added. */
const VARIANTS: readonly Omit<AssistantCreateParams, 'model'>[] = [
  {},
  { response_format: 'auto', reasoning_effort: 'high', temperature: 0, top_p: 0 },
  { response_format: { type: 'text' }, tools: [{ type: 'function', function: { name: 'f' } }] },
  { response_format: { type: 'json_object' }, tools: [{ type: 'file_search' }] },
  { response_format: { type: 'json_schema', json_schema: { name: 's', schema: SCHEMA } } },
  {
    response_format: {
      type: 'json_schema',
      json_schema: { name: 's', description: 'd', schema: SCHEMA, strict: true },
    },
  },
  {
    tools: [{ type: 'file_search' }],
    tool_resources: {
      file_search: {
        vector_stores: [{ chunking_strategy: { type: 'auto' }, metadata: { a: '1' } }],
      },
    },
  },
];

export async function assistants(scene: Scene): Promise<void> {
  const { client } = scene;
  const api = client.beta.assistants;
  for (const fields of VARIANTS) await api.create({ model: 'm', ...fields });
  const { id } = await api.create(await everyField(scene));
  await api.retrieve(id);
  await api.update(id, {
    name: null,
    metadata: null,
    tools: [],
    response_format: { type: 'text' },
  });
  const all = await readAll(api.list({ limit: 3 }));
  await api.list({ order: 'asc', after: all[2]!.id });
  await api.list({ limit: 1, before: all[2]!.id });
  await api.delete(id);
  await (await emptyProject(scene)).beta.assistants.list();
  await request(scene, 'GET', `/assistants/${id}`);
  await request(scene, 'POST', '/assistants', {});
  await request(scene, 'DELETE', '/assistants/asst_none');
}

async function everyField({ client }: Scene): Promise<AssistantCreateParams> {
  const store = await client.vectorStores.create({ name: 's' });
  return {
    model: 'm',
    name: 'Tutor',
    description: 'Explains.',
    instructions: 'Be kind.',
    metadata: { a: '1' },
    reasoning_effort: 'low',
    temperature: 2,
    top_p: 1,
    response_format: 'auto',
    tools: [
      { type: 'code_interpreter' },
      {
        type: 'file_search',
        file_search: {
          max_num_results: 5,
          ranking_options: { ranker: 'default_2024_08_21', score_threshold: 0.5 },
        },
      },
      { type: 'function', function: FUNCTION },
    ],
    tool_resources: {
      code_interpreter: { file_ids: [await createFile(client)] },
      file_search: { vector_store_ids: [store.id] },
    },
  };
}

export async function models(scene: Scene): Promise<void> {
  scene.env.model.script('listed');
  const [model] = await readAll(scene.client.models.list());
  await scene.client.models.retrieve(model!.id);
  await request(scene, 'GET', '/models/none');
  await request(scene, 'DELETE', '/models/none');
  await request(scene, 'DELETE', `/models/${model!.id}`);
}
