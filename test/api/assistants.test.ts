import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { createFile } from '../support/files.ts';

let env: Environment;
beforeAll(async () => {
  env = await Environment.start({ worker: false });
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

const FULL = {
  model: 'some/model:7b',
  name: 'Tutor 🎓',
  description: 'Teaches.',
  instructions: 'Explain "slowly"\n\tand well.',
  reasoning_effort: 'high' as const,
  temperature: 0.3,
  top_p: 0.5,
  response_format: { type: 'json_object' as const },
  metadata: { team: 'a', empty: '' },
};

test('creates an assistant with every default, in the order of the wire', async () => {
  const { assistants } = env.client.beta;
  const assistant = await assistants.create({ model: 'gpt-4o' });
  expect(assistant.id).toMatch(/^asst_[0-9A-Za-z]{24}$/);
  expect(Math.abs(assistant.created_at - Date.now() / 1_000)).toBeLessThan(30);
  const { id, created_at } = assistant;
  const expected = {
    id,
    object: 'assistant',
    created_at,
    name: null,
    description: null,
    model: 'gpt-4o',
    instructions: null,
    tools: [],
    top_p: 1,
    temperature: 1,
    reasoning_effort: null,
    tool_resources: {},
    metadata: {},
    response_format: 'auto',
  };
  const raw = await (await env.fetch(`/v1/assistants/${id}`)).text();
  expect(raw).toBe(JSON.stringify(expected));
});

test('keeps every field it is given', async () => {
  const { assistants } = env.client.beta;
  const created = await assistants.create(FULL);
  expect(created).toMatchObject(FULL);
  expect(await assistants.retrieve(created.id)).toEqual(created);
});

test('echoes tools in their normal form, as often as they are written back', async () => {
  const { assistants } = env.client.beta;
  const created = await assistants.create({
    model: 'm',
    tools: [
      { type: 'code_interpreter' },
      { type: 'function', function: { name: 'bare' } },
      {
        type: 'function',
        function: { name: 'full', description: 'd', parameters: { type: 'object' }, strict: true },
      },
      { type: 'file_search' },
      { type: 'file_search', file_search: { max_num_results: 5 } },
    ],
  });
  const ranking_options = {
    ranker: 'default_2024_08_21',
    score_threshold: 0,
    hybrid_search: null,
  };
  expect(created.tools).toEqual([
    { type: 'code_interpreter' },
    {
      type: 'function',
      function: { name: 'bare', parameters: { type: 'object', properties: {} }, strict: false },
    },
    {
      type: 'function',
      function: { name: 'full', description: 'd', parameters: { type: 'object' }, strict: true },
    },
    { type: 'file_search', file_search: { ranking_options } },
    { type: 'file_search', file_search: { max_num_results: 5, ranking_options } },
  ]);
  expect(created.tool_resources).toEqual({ code_interpreter: { file_ids: [] } });
  const again = await assistants.update(created.id, { tools: created.tools });
  expect(again).toEqual(created);
});

test('changes only what a change names', async () => {
  const { assistants } = env.client.beta;
  const created = await assistants.create(FULL);
  expect(await assistants.update(created.id, {})).toEqual(created);
  const changes = [
    { name: 'New' },
    { model: 'other' },
    { instructions: '' },
    { tools: [{ type: 'code_interpreter' as const }] },
    { temperature: 0 },
    { metadata: { only: 'this' } },
  ];
  let expected = created;
  for (const change of changes) {
    expected = { ...expected, ...change };
    if (change.tools) expected.tool_resources = { code_interpreter: { file_ids: [] } };
    expect(await assistants.update(created.id, change)).toEqual(expected);
  }
  expect(await assistants.retrieve(created.id)).toEqual(expected);
});

test('clears what a change sets to null', async () => {
  const { assistants } = env.client.beta;
  const created = await assistants.create({ ...FULL, tools: [{ type: 'code_interpreter' }] });
  const cleared = await assistants.update(created.id, {
    name: null,
    description: null,
    instructions: null,
    reasoning_effort: null,
    metadata: null,
    temperature: null,
    top_p: null,
    response_format: null,
  });
  expect(cleared).toEqual({
    ...created,
    name: null,
    description: null,
    instructions: null,
    reasoning_effort: null,
    metadata: {},
    temperature: 1,
    top_p: 1,
    response_format: 'auto',
  });
});

test('replaces the resources of the tools that a change names', async () => {
  const { assistants } = env.client.beta;
  const [a, b, c] = [
    await createFile(env.client),
    await createFile(env.client),
    await createFile(env.client),
  ];
  const created = await assistants.create({
    model: 'm',
    tools: [{ type: 'code_interpreter' }, { type: 'file_search' }],
    tool_resources: {
      code_interpreter: { file_ids: [a] },
      file_search: { vector_store_ids: ['vs_a'] },
    },
  });
  const changed = await assistants.update(created.id, {
    tool_resources: { code_interpreter: { file_ids: [b, c] } },
  });
  expect(changed.tool_resources).toEqual({
    code_interpreter: { file_ids: [b, c] },
    file_search: { vector_store_ids: ['vs_a'] },
  });
});

test('deletes an assistant once', async () => {
  const { assistants } = env.client.beta;
  const { id } = await assistants.create({ model: 'm' });
  expect(await assistants.delete(id)).toEqual({ id, object: 'assistant.deleted', deleted: true });
  const missing = {
    status: 404,
    error: {
      message: `No assistant found with id '${id}'.`,
      type: 'invalid_request_error',
      param: null,
      code: null,
    },
  };
  await expect(assistants.delete(id)).rejects.toMatchObject(missing);
  await expect(assistants.retrieve(id)).rejects.toMatchObject(missing);
  await expect(assistants.update(id, {})).rejects.toMatchObject(missing);
});

test('takes characters of every kind, and counts an emoji as one', async () => {
  const { assistants } = env.client.beta;
  const name = '🎉'.repeat(256);
  const metadata = { ['🎉'.repeat(64)]: 'é'.repeat(512), __x__: '\u2028' };
  const assistant = await assistants.create({ model: 'm', name, metadata });
  expect(await assistants.retrieve(assistant.id)).toMatchObject({ name, metadata });
});

test('loses no change when many arrive at once', async () => {
  const { assistants } = env.client.beta;
  const { id } = await assistants.create({ model: 'm' });
  const fields = ['name', 'description', 'instructions', 'model'] as const;
  await Promise.all(fields.map((field) => assistants.update(id, { [field]: `new ${field}` })));
  expect(await assistants.retrieve(id)).toMatchObject({
    name: 'new name',
    description: 'new description',
    instructions: 'new instructions',
    model: 'new model',
  });
});
