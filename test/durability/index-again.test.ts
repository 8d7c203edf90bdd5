/** Stores that an earlier version has indexed: found all the time, and indexed again whatever happens to the worker. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { eventually } from '../support/durable-run.ts';
import { passNow } from '../support/operator.ts';
import { ProcessEnvironment } from '../support/process-environment.ts';
import type { OwnProcess } from '../support/processes.ts';
import { expectSound, sentences, storeWith, upload } from '../support/stores.ts';

let env: ProcessEnvironment;
let worker: OwnProcess;
let store: string;
let file: string;
beforeAll(async () => {
  env = await ProcessEnvironment.start();
  await env.serveApi();
  worker = await env.startWorker();
  const text = `${sentences(3_000)}\nDie Stra\u00dfe f\u00fchrt zum Caf\u00e9. \u6df1\u5ea6\u5b66\u4e60\u9700\u8981\u8bad\u7ec3\u6570\u636e\u3002`;
  file = await upload(env.client, text);
  store = await storeWith(env.client, [file]);
});
afterAll(async () => {
  await env[Symbol.asyncDispose]();
});

/** As 0.1.0 has stored it. */
async function ageIndex(): Promise<void> {
  await env.pool.query(
    `update chunks c set tsv = words_of(d.words, c.text), word_rules = 1 from documents d where d.id = c.document_id`,
  );
  await env.pool.query('update documents set word_rules = 1');
}

async function find(query: string): Promise<string[]> {
  const { data } = await env.client.vectorStores.search(store, { query });
  return data.map(({ file_id: id }) => id);
}

async function rules(): Promise<Record<string, number>> {
  const { rows } = await env.pool.query<{ rules: number; n: number }>(
    'select word_rules as rules, count(*)::int as n from chunks group by 1',
  );
  return Object.fromEntries(rows.map(({ rules: of, n }) => [of, n]));
}

test.each([
  ['between two parts', 'documents.former-chunks'],
  ['while words are stored', 'documents.store-words'],
  ['when the last chunk has its words', 'documents.words-are-new'],
])('goes on after a worker was killed %s', async (_moment, statement) => {
  await ageIndex();
  expect(await find('Which ship of the harbour came in?')).toContain(file);
  const before = await rules();
  const proxy = env.proxies.workerToDatabase;
  const reached = proxy.holdRepliesAfter(statement);
  await passNow(env.pool);
  await reached;
  expect(await find('Stra\u00dfe')).toContain(file);
  await worker.kill();
  proxy.resume();
  worker = await env.startWorker();
  await eventually(async () => expect(await rules()).toEqual({ 2: before[1] }));
  await eventually(async () => {
    const { rows } = await env.pool.query('select distinct word_rules as of from documents');
    expect(rows).toEqual([{ of: 2 }]);
  });
  for (const query of ['\u8bad\u7ec3\u6570\u636e', 'strasse', 'cafe', 'harbours']) {
    expect(await find(query), query).toContain(file);
  }
  await expectSound(env.pool);
});

test('its history holds numbers only', async () => {
  const workflow = env.temporal.workflow.getHandle(`${env.taskQueue}-index-documents`);
  await workflow.result();
  const { events } = await workflow.fetchHistory();
  const results = events!.flatMap(
    ({ activityTaskCompletedEventAttributes: done }) => done?.result?.payloads ?? [],
  );
  expect(results.length).toBeGreaterThan(0);
  for (const { data } of results) {
    expect(Buffer.from(data!).toString()).toMatch(/^\{"last":(null|\d+),"left":\d+\}$/);
  }
});
