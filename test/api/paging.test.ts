/** Lists that change while they are paged through: a cursor is a place in its list, whatever became of its object. */
import type OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { deleteOldPlaces } from '../../db/core/list-places.ts';
import { tidyFiles } from '../../db/maintenance.ts';
import { mintId } from '../../wire/ids.ts';
import type { ListEnvelope } from '../../wire/types.ts';
import { Environment } from '../support/environment.ts';
import { createFile } from '../support/files.ts';

let env: Environment;
/** Of another project. */
let other: OpenAI;
beforeAll(async () => {
  // Without a worker files stay in progress, and runs queued, until a test says otherwise.
  env = await Environment.start({ worker: false });
  other = await env.otherClient();
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

type List = {
  client: OpenAI;
  path: string;
  /** Five, newest first. */
  ids: string[];
  /** Absent where the API removes none. */
  remove?: (id: string) => Promise<unknown>;
  /** Ids of the same kind that were never in this list. */
  strangers: string[];
};

async function five(create: () => Promise<string>): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) ids.unshift(await create());
  return ids;
}

async function assistants(): Promise<List> {
  const client = await env.otherClient();
  const create = async (of: OpenAI) => (await of.beta.assistants.create({ model: 'm' })).id;
  const ids = await five(() => create(client));
  const remove = (id: string) => client.beta.assistants.delete(id);
  return { client, path: '/assistants', ids, remove, strangers: [await create(other)] };
}

async function files(): Promise<List> {
  const client = await env.otherClient();
  const ids = await five(() => createFile(client));
  const remove = (id: string) => client.files.delete(id);
  return { client, path: '/files', ids, remove, strangers: [await createFile(other)] };
}

async function vectorStores(): Promise<List> {
  const client = await env.otherClient();
  const create = async (of: OpenAI) => (await of.vectorStores.create({ name: 'S' })).id;
  const ids = await five(() => create(client));
  const remove = (id: string) => client.vectorStores.delete(id);
  return { client, path: '/vector_stores', ids, remove, strangers: [await create(other)] };
}

async function messages(): Promise<List> {
  const { client } = env;
  const { threads } = client.beta;
  const add = async (thread: string, of = client) =>
    (await of.beta.threads.messages.create(thread, { role: 'user', content: 'Hi' })).id;
  const { id: thread_id } = await threads.create();
  const ids = await five(() => add(thread_id));
  const elsewhere = await add((await threads.create()).id);
  const foreign = await add((await other.beta.threads.create()).id, other);
  const remove = (id: string) => threads.messages.delete(id, { thread_id });
  const strangers = [elsewhere, foreign];
  return { client, path: `/threads/${thread_id}/messages`, ids, remove, strangers };
}

async function storeOf(client: OpenAI, file_ids: string[]): Promise<string> {
  return (await client.vectorStores.create({ name: 'S', file_ids })).id;
}

async function storeFiles(): Promise<List> {
  const { client } = env;
  const ids = await five(() => createFile(client));
  const store = await storeOf(client, ids.toReversed());
  const elsewhere = await createFile(client);
  await storeOf(client, [elsewhere]);
  const foreign = await createFile(other);
  await storeOf(other, [foreign]);
  const remove = (id: string) => client.vectorStores.files.delete(id, { vector_store_id: store });
  const strangers = [elsewhere, foreign, await createFile(client)];
  return { client, path: `/vector_stores/${store}/files`, ids, remove, strangers };
}

async function batchFiles(): Promise<List> {
  const { client } = env;
  const ids = await five(() => createFile(client));
  const besides = [await createFile(client), await createFile(client)];
  const store = await storeOf(client, [besides[0]!]);
  const { fileBatches } = client.vectorStores;
  const batch = await fileBatches.create(store, { file_ids: ids.toReversed() });
  await fileBatches.create(store, { file_ids: [besides[1]!] });
  const path = `/vector_stores/${store}/file_batches/${batch.id}/files`;
  // Another batch takes the file over.
  const remove = (id: string) => fileBatches.create(store, { file_ids: [id] });
  return { client, path, ids, remove, strangers: besides };
}

/** A run that has ended. */
async function endedRun(thread_id: string): Promise<string> {
  const { assistants: all, threads } = env.client.beta;
  const { id: assistant_id } = await all.create({ model: 'm', instructions: 'Answer.' });
  const { id } = await threads.runs.create(thread_id, { assistant_id });
  await env.pool.query(`update runs set status = 'expired' where id = $1`, [id]);
  return id;
}

async function runs(): Promise<List> {
  const { client } = env;
  const { id } = await client.beta.threads.create();
  const ids = await five(() => endedRun(id));
  const elsewhere = await endedRun((await client.beta.threads.create()).id);
  return { client, path: `/threads/${id}/runs`, ids, strangers: [elsewhere] };
}

async function steps(): Promise<List> {
  const { client } = env;
  const { id } = await client.beta.threads.create();
  const [run, another] = [await endedRun(id), await endedRun(id)];
  let seq = 0;
  const add = async (run_id: string) => {
    const { rows } = await env.pool.query<{ id: string }>(
      `insert into run_steps (id, run_id, project_id, thread_id, assistant_id, turn, seq, type, status, created_at)
       select $1, id, project_id, thread_id, assistant_id, 1, $2, 'tool_calls', 'completed', 0 from runs where id = $3
       returning id`,
      [mintId('run_step'), ++seq, run_id],
    );
    return rows[0]!.id;
  };
  const ids = await five(() => add(run));
  return { client, path: `/threads/${id}/runs/${run}/steps`, ids, strangers: [await add(another)] };
}

const LISTS = {
  assistants,
  files,
  vectorStores,
  messages,
  storeFiles,
  batchFiles,
  runs,
  steps,
};
const CHANGING = Object.entries({
  ...LISTS,
  runs: undefined,
  steps: undefined,
}).flatMap(([name, make]) => (make === undefined ? [] : [[name, make] as const]));
const ORDERS = ['desc', 'asc'] as const;

type Query = Record<string, string | number>;

async function idsOf({ client, path }: Pick<List, 'client' | 'path'>, query: Query) {
  const { data } = await client.get<ListEnvelope<{ id: string }>>(path, { query });
  return data.map(({ id }) => id);
}

/** Every id that a client sees which asks for page after page, and does something with each before it asks for the next. */
async function walk(
  list: Pick<List, 'client' | 'path'>,
  query: Query,
  use: (id: string) => Promise<unknown>,
): Promise<string[]> {
  const seen: string[] = [];
  for (let more = true; more;) {
    const after = seen.at(-1);
    const page = await list.client.get<ListEnvelope<{ id: string }>>(list.path, {
      query: { limit: 2, ...query, ...(after === undefined ? {} : { after }) },
    });
    for (const { id } of page.data) await use(id);
    seen.push(...page.data.map(({ id }) => id));
    if (seen.length > 50) throw new Error('The list does not end.');
    more = page.has_more;
  }
  return seen;
}

for (const order of ORDERS) {
  test.for(CHANGING)(
    `%s, ${order}: a client that removes what it lists sees all`,
    async ([, make]) => {
      const list = await make();
      const expected = order === 'desc' ? list.ids : list.ids.toReversed();
      expect(await walk(list, { order }, list.remove!)).toEqual(expected);
      expect(await idsOf(list, { order })).toEqual([]);
    },
  );

  test.for(CHANGING)(`%s, ${order}: the place of what is gone stays`, async ([, make]) => {
    const list = await make();
    const shown = order === 'desc' ? list.ids : list.ids.toReversed();
    const [a, b, c, d, e] = shown as [string, string, string, string, string];
    await list.remove!(c);
    await list.remove!(b);
    expect(await idsOf(list, { order })).toEqual([a, d, e]);
    expect(await idsOf(list, { order, after: b })).toEqual([d, e]);
    expect(await idsOf(list, { order, after: c, limit: 1 })).toEqual([d]);
    if (list.path === '/files') return; // `before` is not offered there, as hosted.
    expect(await idsOf(list, { order, before: c })).toEqual([a]);
    expect(await idsOf(list, { order, before: b, limit: 1 })).toEqual([a]);
    expect(await idsOf(list, { order, after: b, before: e })).toEqual([d]);
  });
}

test('the official client deletes all that it lists', async () => {
  const { client, ids } = await assistants();
  const deleted: string[] = [];
  for await (const { id } of client.beta.assistants.list({ limit: 2 })) {
    deleted.push((await client.beta.assistants.delete(id)).id);
  }
  expect(deleted).toEqual(ids);
});

test.for(Object.entries(LISTS))(
  '%s: an id that was never in the list is refused',
  async ([, make]) => {
    const list = await make();
    const unknown = `${list.ids[0]!.slice(0, -3)}xyz`;
    const removed = (await assistants()).ids[0]!;
    for (const param of list.path === '/files' ? ['after'] : ['after', 'before']) {
      for (const id of [...list.strangers, unknown, mintId('request'), removed].filter(
        (candidate) => !list.ids.includes(candidate),
      )) {
        await expect(
          list.client.get(list.path, { query: { [param]: id } }),
          `${param} ${id}`,
        ).rejects.toMatchObject({
          status: 400,
          error: {
            message: `Invalid '${param}': no object found with id '${id}'.`,
            type: 'invalid_request_error',
            param,
            code: 'invalid_value',
          },
        });
      }
    }
  },
);

test('what was deleted elsewhere, or of another kind, is as unknown as what never was', async () => {
  const made = await Promise.all(CHANGING.map(([, make]) => make()));
  const gone: string[] = [];
  for (const list of made) {
    await list.remove!(list.ids[0]!);
    gone.push(list.ids[0]!);
  }
  for (const [at, list] of made.entries()) {
    for (const id of gone.filter((_, of) => of !== at)) {
      const asked = list.client.get(list.path, { query: { after: id } });
      await expect(asked, `${list.path} ${id}`).rejects.toMatchObject({ status: 400 });
    }
  }
});

/** Ends the ingest of a store's file. */
async function end(store: string, file: string, status: 'failed' | 'cancelled'): Promise<void> {
  await env.pool.query(
    'update vector_store_files set status = $3 where vector_store_id = $1 and file_id = $2',
    [store, file, status],
  );
}

test.for(ORDERS)('%s: files that leave the filter are still places', async (order) => {
  const { client, path, ids } = await storeFiles();
  const store = path.split('/')[2]!;
  const query = { order, filter: 'in_progress' };
  const seen = await walk({ client, path }, query, (id) => end(store, id, 'failed'));
  expect(seen).toEqual(order === 'desc' ? ids : ids.toReversed());
  expect(await idsOf({ client, path }, { ...query, before: ids[2]! })).toEqual([]);
});

test.for(ORDERS)(
  '%s: messages of a run are found from any message of the thread',
  async (order) => {
    const { client, path, ids } = await messages();
    const run = mintId('run');
    const ofRun = [ids[1]!, ids[3]!, ids[4]!];
    await env.pool.query('update messages set run_id = $1 where id = any($2)', [run, ofRun]);
    const list = { client, path };
    const [later, earlier] =
      order === 'desc' ? (['after', 'before'] as const) : (['before', 'after'] as const);
    const inOrder = (found: string[]) => (order === 'desc' ? found : found.toReversed());
    const query = { order, run_id: run };
    expect(await idsOf(list, { ...query, [later]: ids[2]! })).toEqual(inOrder([ids[3]!, ids[4]!]));
    expect(await idsOf(list, { ...query, [earlier]: ids[2]! })).toEqual([ids[1]!]);
    await client.delete(`${path}/${ids[2]!}`);
    expect(await idsOf(list, { ...query, [later]: ids[2]! })).toEqual(inOrder([ids[3]!, ids[4]!]));
  },
);

test('files of a purpose are found from a file of another, and from one that has expired', async () => {
  const { client, path, ids } = await files();
  await env.pool.query(`update files set purpose = 'vision' where id = any($1)`, [ids.slice(0, 2)]);
  const purpose = { purpose: 'assistants' };
  expect(await idsOf({ client, path }, { ...purpose, after: ids[0]! })).toEqual(ids.slice(2));
  await env.pool.query('update files set expires_at = 1 where id = $1', [ids[3]!]);
  for (const sweep of [false, true]) {
    if (sweep) await tidyFiles(env.pool);
    expect(await idsOf({ client, path }, { after: ids[3]! })).toEqual([ids[4]!]);
  }
});

test('a file that is deleted keeps its place in the lists of its stores and batches', async () => {
  for (const { client, path, ids } of [await storeFiles(), await batchFiles()]) {
    await client.files.delete(ids[1]!);
    expect(await idsOf({ client, path }, { after: ids[1]! })).toEqual(ids.slice(2));
  }
});

test('a store that expired is an empty list, from any of its files', async () => {
  const { client, path, ids } = await storeFiles();
  await env.pool.query(
    'update vector_stores set expires_after_days = 1, last_active_at = 0 where id = $1',
    [path.split('/')[2]!],
  );
  await tidyFiles(env.pool);
  expect(await idsOf({ client, path }, { after: ids[1]! })).toEqual([]);
});

test.for(ORDERS)('%s: files that are taken out and added again are seen once', async (order) => {
  const { client, path, ids } = await storeFiles();
  const store = path.split('/')[2]!;
  const again = async (file_id: string) => {
    await client.vectorStores.files.delete(file_id, { vector_store_id: store });
    await client.vectorStores.files.create(store, { file_id });
  };
  const expected = order === 'desc' ? ids : ids.toReversed();
  expect(await walk({ client, path }, { order }, again)).toEqual(expected);
  expect(await idsOf({ client, path }, { order })).toEqual(expected);
});

test.for(ORDERS)('%s: failed files that are tried again are seen once', async (order) => {
  const { client, path, ids } = await storeFiles();
  const store = path.split('/')[2]!;
  for (const id of ids) await end(store, id, 'failed');
  const retry = (file_id: string) => client.vectorStores.files.create(store, { file_id });
  const expected = order === 'desc' ? ids : ids.toReversed();
  expect(await walk({ client, path }, { order, filter: 'failed' }, retry)).toEqual(expected);
});

test('a place is forgotten a week after its object has gone, and with its store', async () => {
  const list = await assistants();
  await list.remove!(list.ids[1]!);
  const ages = async (days: number) => {
    await env.pool.query(
      `update list_places set left_at = left_at - $1 * interval '1 day' where id = $2`,
      [days, list.ids[1]!],
    );
    await deleteOldPlaces(env.pool);
    return idsOf(list, { after: list.ids[1]! });
  };
  expect(await ages(6)).toEqual(list.ids.slice(2));
  await expect(ages(2)).rejects.toMatchObject({ status: 400 });

  const { client, path } = await storeFiles();
  const store = path.split('/')[2]!;
  await client.vectorStores.delete(store);
  const { rows } = await env.pool.query('select from list_places where owner = $1', [store]);
  expect(rows).toEqual([]);
});
