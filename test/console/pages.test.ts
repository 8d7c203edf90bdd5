/** The console's lists and controls, in a real browser. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';

import { Environment } from '../support/environment.ts';
import { hold, status, text, toolCalls } from '../support/fake-model.ts';
import { ConsoleBrowser, testInBrowser as test } from './support.ts';

let env: Environment;
let browser: ConsoleBrowser;
beforeAll(async () => {
  env = await Environment.start({ config: { temporalUiUrl: 'http://127.0.0.1:8233' } });
  browser = await ConsoleBrowser.start(env);
});
afterEach(() => browser.expectQuiet());
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await env[Symbol.asyncDispose]();
});

const row = (page: Page, words: string) => page.getByRole('row').filter({ hasText: words });

async function newAssistant(name: string) {
  const model = `m-${randomUUID()}`;
  return env.client.beta.assistants.create({ model, name, metadata: { course: 'algebra' } });
}

test('an assistant is found in the list, changed and deleted', async () => {
  const { id } = await newAssistant('To be changed');
  const page = await browser.open('/assistants');
  await row(page, 'To be changed').getByText('course: algebra').waitFor();
  await page.getByRole('link', { name: 'To be changed' }).click();
  await page.getByRole('textbox', { name: 'Instructions' }).fill('New instructions.');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.waitForURL('**/assistants');
  expect(await env.client.beta.assistants.retrieve(id)).toMatchObject({
    instructions: 'New instructions.',
    metadata: { course: 'algebra' },
  });
  await page.getByRole('link', { name: 'To be changed' }).click();
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.waitForURL('**/assistants');
  await expect.poll(() => page.getByRole('link', { name: 'To be changed' }).count()).toBe(0);
});

test('every field of an assistant comes back as it was written', async () => {
  const store = await env.client.vectorStores.create({ name: 'Library' });
  const page = await browser.open('/assistants/new');
  await page.getByRole('textbox', { name: 'Name' }).fill('Everything');
  await page.getByRole('combobox', { name: 'Model' }).fill('some-model');
  await page.getByRole('textbox', { name: 'Description' }).fill('Knows everything.');
  await page.getByRole('switch', { name: 'File search' }).check();
  await page.getByRole('combobox', { name: 'Vector stores' }).click();
  await page.getByRole('option', { name: 'Library' }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Add a function' }).click();
  await page.getByRole('textbox', { name: 'Temperature' }).fill('0.5');
  await page.getByRole('textbox', { name: 'Metadata (JSON)' }).fill('{"a": "b"}');
  await page.getByRole('textbox', { name: /Response format/ }).fill('{"type": "json_object"}');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.waitForURL('**/chat');
  const [saved] = (await env.client.beta.assistants.list({ limit: 1 })).data;
  expect(saved).toMatchObject({
    name: 'Everything',
    model: 'some-model',
    description: 'Knows everything.',
    temperature: 0.5,
    metadata: { a: 'b' },
    response_format: { type: 'json_object' },
    tools: [{ type: 'file_search' }, { type: 'function', function: { name: 'get_weather' } }],
    tool_resources: { file_search: { vector_store_ids: [store.id] } },
  });
});

test('a function whose schema is none is marked while it is edited', async () => {
  const page = await browser.open('/assistants/new');
  await page.getByRole('button', { name: 'Add a function' }).click();
  const field = page.getByRole('textbox', { name: 'Function 1' });
  await field.fill('{"name": "f", "parameters": {"type": "strin"}}');
  await page
    .getByText(/#\/type/)
    .first()
    .waitFor();
  await field.fill('{"name": "f", "parameters": {"type": "object"}');
  await page.getByText('This is not JSON:').waitFor();
  await field.fill('{"name": "not a name"}');
  await page.getByText('A name has 1 to 64 letters').waitFor();
});

test('files are uploaded, downloaded and deleted', async () => {
  await env.client.files.create({ file: new File(['{}'], 'lines.jsonl'), purpose: 'batch' });
  const page = await browser.open('/files');
  await page.locator('input[type=file]').setInputFiles({
    name: 'notes.txt',
    mimeType: 'text/plain',
    buffer: Buffer.from('Some notes.'),
  });
  await row(page, 'notes.txt').getByText('11 B').waitFor();
  // As hosted, what is for assistants is not handed out again.
  expect(await row(page, 'notes.txt').getByRole('button', { name: 'Download' }).count()).toBe(0);
  await row(page, 'lines.jsonl').getByText('batch').waitFor();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    row(page, 'lines.jsonl').getByRole('button', { name: 'Download' }).click(),
  ]);
  expect(await readFile((await download.path())!, 'utf8')).toBe('{}');
  await row(page, 'notes.txt').getByRole('button', { name: 'Delete' }).click();
  await expect.poll(() => row(page, 'notes.txt').count()).toBe(0);
});

test('a store is made, named, filled and searched', async () => {
  const page = await browser.open('/vector-stores');
  await page.getByRole('button', { name: 'New vector store' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('Birds');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { name: 'Birds' }).waitFor();
  await page.locator('input[type=file]').setInputFiles({
    name: 'heron.txt',
    mimeType: 'text/plain',
    buffer: Buffer.from('The heron sleeps on one leg.'),
  });
  await expect
    .poll(async () => (await env.client.vectorStores.list()).data[0]?.file_counts.completed)
    .toBe(1);
  await page.getByRole('textbox', { name: 'Search' }).fill('heron');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByText('The heron sleeps on one leg.').waitFor();
  const found = page.getByRole('article').filter({ hasText: 'heron.txt' });
  // No embeddings endpoint: the score has one part.
  await page.getByText('Searched by words only.').waitFor();
  await found.getByText('Words').waitFor();
  await found.getByText('chunk 1').waitFor();
  await found.getByRole('button', { name: 'Open at its place' }).click();
  const text = page.getByRole('dialog', { name: 'heron.txt' });
  await text.getByRole('region', { name: 'The chunk at its place' }).waitFor();
  await text.locator('mark').getByText('The heron sleeps on one leg.').waitFor();
});

test('a file that a store cannot read shows its reason', async () => {
  const store = await env.client.vectorStores.create({ name: 'Broken' });
  const file = await env.client.files.create({
    file: new File(['%PDF-1.4 nothing'], 'broken.pdf'),
    purpose: 'assistants',
  });
  const added = await env.client.vectorStores.files.createAndPoll(store.id, { file_id: file.id });
  expect(added.status).toBe('failed');
  const page = await browser.open(`/vector-stores/${store.id}`);
  await row(page, file.id).getByText(added.last_error!.message).waitFor();
});

test('the page of a run shows its steps, tokens and times, and answers its functions', async () => {
  const model = `m-${randomUUID()}`;
  const usage = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };
  env.model.script(
    model,
    toolCalls([{ name: 'add', arguments: { a: 1 } }], { usage }),
    text('It is three.', { usage }),
  );
  const assistant = await env.client.beta.assistants.create({
    model,
    tools: [{ type: 'function', function: { name: 'add' } }],
  });
  const thread = await env.client.beta.threads.create({
    messages: [{ role: 'user', content: 'Add.' }],
  });
  const run = await env.client.beta.threads.runs.createAndPoll(thread.id, {
    assistant_id: assistant.id,
  });
  const page = await browser.open(`/threads/${thread.id}/runs/${run.id}`);
  await page.getByText('requires action').first().waitFor();
  await page.getByRole('textbox', { name: 'Output of add' }).fill('3');
  await page.getByRole('button', { name: 'Submit' }).click();
  await page.getByText('completed').first().waitFor();
  await page.getByText('200 in, 40 out').waitFor();
  const timeline = page.getByRole('table', { name: 'Timeline' });
  await expect
    .poll(() => timeline.getByRole('rowheader').allInnerTexts())
    .toEqual(['Queue', 'Model, turn 1', 'Pause for functions', 'Model, turn 2']);
  await timeline.getByRole('row', { name: 'Model, turn 1' }).getByText('100 in, 20 out').waitFor();
  await page.getByRole('button', { name: 'add' }).waitFor();
});

test('the page of a run shows what was sent, what was left out and why, and lost requests', async () => {
  const model = `m-${randomUUID()}`;
  env.model.script(model, status(503), text('Three.'));
  const { id: assistant_id } = await env.client.beta.assistants.create({
    model,
    instructions: 'Count well.',
  });
  const { id } = await env.client.beta.threads.create({
    messages: ['One', 'Two'].map((content) => ({ role: 'user', content })),
  });
  const run = await env.client.beta.threads.runs.createAndPoll(id, {
    assistant_id,
    truncation_strategy: { type: 'last_messages', last_messages: 1 },
  });
  const page = await browser.open(`/threads/${id}/runs/${run.id}`, {
    key: await browser.adminKey(),
  });
  await row(page, 'Model, turn 1, lost').getByText('The model server refused 503').waitFor();
  const prompt = page.getByRole('region', { name: 'Sent to the model' });
  await prompt.getByText('Messages sent: 2.').waitFor();
  await prompt.getByText('1 messages were left out').waitFor();
  await row(page, 'last_messages of the run').waitFor();
  await prompt.getByRole('button', { name: 'Instructions' }).click();
  await prompt.getByText('Count well.').waitFor();
  await prompt.getByRole('button', { name: '2 · You' }).click();
  await prompt.getByText('Two').waitFor();
  const link = page.getByRole('link', { name: 'Workflow in the Temporal UI' });
  expect(await link.getAttribute('href')).toBe(
    `http://127.0.0.1:8233/namespaces/default/workflows/${run.id}`,
  );
});

test('an administrator sees queues, workers and requests, and cancels a stuck run of any project', async () => {
  const owner = await env.otherClient();
  const model = `m-${randomUUID()}`;
  const answer = hold(text('one two'), { afterChunks: 1 });
  env.model.script(model, answer.reply);
  const { id: assistant_id } = await owner.beta.assistants.create({ model });
  const run = await owner.beta.threads.createAndRun({
    assistant_id,
    thread: { messages: [{ role: 'user', content: 'Hi' }] },
  });
  await answer.reached;
  const steps = () => owner.beta.threads.runs.steps.list(run.id, { thread_id: run.thread_id });
  await expect.poll(async () => (await steps()).data.length).toBe(1);
  for (const [table, column] of [
    ['runs', 'id'],
    ['run_steps', 'run_id'],
  ]) {
    const back = `update ${table} set created_at = created_at - 3600 where ${column} = $1`;
    await env.pool.query(back, [run.id]);
  }
  await env.pool.query('update runs set started_at = created_at where id = $1', [run.id]);
  const page = await browser.open('/status', { key: await browser.adminKey() });
  const stuck = page.getByRole('table', { name: 'Stuck runs' });
  await stuck.getByRole('row', { name: run.id }).getByRole('button', { name: 'Cancel' }).click();
  const { id, thread_id } = run;
  await expect
    .poll(async () => (await owner.beta.threads.runs.retrieve(id, { thread_id })).status)
    .toBe('cancelled');
  answer.release();
  const queues = page.getByRole('table', { name: 'Task queues' });
  const names = await queues.getByRole('row').allTextContents();
  for (const kind of ['crowded', 'batch', 'ingest', 'webhooks']) {
    expect(names.filter((name) => name.includes(`-${kind}`))).toHaveLength(1);
  }
  await page.getByRole('table', { name: 'Workers' }).getByText(`${process.pid}@`).waitFor();
  const requests = page.getByRole('table', { name: /^Requests to this API/ });
  await requests.getByRole('row', { name: 'createThreadAndRun' }).waitFor();
});

test('a key of a project sees and cancels the active runs of its project', async () => {
  const client = await env.otherClient();
  const model = `m-${randomUUID()}`;
  env.model.script(model, toolCalls([{ name: 'add', arguments: {} }]));
  const { id: assistant_id } = await client.beta.assistants.create({
    model,
    tools: [{ type: 'function', function: { name: 'add' } }],
  });
  const run = await client.beta.threads.createAndRunPoll({
    assistant_id,
    thread: { messages: [{ role: 'user', content: 'Add.' }] },
  });
  const page = await browser.open('/status', { key: client.apiKey!, refused: true });
  await row(page, run.id).getByRole('button', { name: 'Cancel' }).click();
  await page.getByText('Nothing here.').waitFor();
});

test('a batch is submitted, paused, resumed and its results are downloaded', async () => {
  const model = `m-${randomUUID()}`;
  const answer = hold(text('Well done.'), { afterChunks: 1 });
  env.model.script(model, answer.reply);
  const { id: assistant_id } = await env.client.beta.assistants.create({ model });
  const line = {
    custom_id: 'one',
    method: 'POST',
    url: '/v1/threads/runs',
    body: { assistant_id, thread: { messages: [{ role: 'user', content: 'Mark this.' }] } },
  };
  const page = await browser.open('/batches');
  await page.locator('input[type=file]').setInputFiles({
    name: 'exercises.jsonl',
    mimeType: 'application/jsonl',
    buffer: Buffer.from(JSON.stringify(line)),
  });
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('paused', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await answer.reached;
  answer.release();
  await page.getByText('1 of 1 lines, 0 failed').waitFor();
  const button = page
    .getByRole('row', { name: /Results/ })
    .getByRole('button', { name: 'Download' });
  const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
  expect(await readFile((await download.path())!, 'utf8')).toContain('Well done.');
});

test('an administrator makes a project, limits it, and makes and revokes a key', async () => {
  const name = `School ${randomUUID().slice(0, 8)}`;
  const page = await browser.open('/projects', { key: await browser.adminKey() });
  await page.getByRole('textbox', { name: 'Name' }).fill(name);
  await page.getByRole('button', { name: 'New project' }).click();
  await row(page, name).getByRole('button', { name: 'Limits and keys' }).click();
  const dialog = page.getByRole('dialog', { name });
  await dialog.getByRole('textbox', { name: 'Limits (JSON)' }).fill('{"runs_at_once": 3}');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByRole('textbox', { name: 'Name of the key' }).fill('backend');
  await dialog.getByRole('button', { name: 'New key' }).click();
  const key = await dialog.getByText(/^sk-/).first().innerText();
  expect((await env.clientFor(key).models.list()).data).toBeDefined();
  await dialog
    .getByRole('row', { name: /backend/ })
    .getByRole('button', { name: 'Revoke' })
    .click();
  await dialog.getByText('revoked').waitFor();
  // Other processes hear of it within two seconds.
  await expect
    .poll(() =>
      env
        .clientFor(key)
        .models.list()
        .then(
          () => 200,
          ({ status }) => status as number,
        ),
    )
    .toBe(401);
  const limits = await env.pool.query('select limits from projects where name = $1', [name]);
  expect(limits.rows).toEqual([{ limits: { runs_at_once: 3 } }]);
});

test('usage by day is drawn and written out', async () => {
  await env.client.beta.threads.create();
  const page = await browser.open('/usage', { key: await browser.adminKey() });
  await page.getByRole('cell', { name: new Date().toISOString().slice(0, 10) }).waitFor();
  await page.getByRole('combobox', { name: 'Shown' }).click();
  await page.getByRole('option', { name: 'Requests' }).click();
  await page.locator('.recharts-bar').first().waitFor();
});

test('pages of administrators say that another key is needed', async () => {
  const page = await browser.open('/usage', { refused: true });
  await page.getByRole('alert').getByText(/admin/).waitFor();
});

test('a longer list goes on at a click', async () => {
  const client = await env.otherClient();
  for (let n = 0; n < 52; n++) await client.vectorStores.create({ name: `store ${n}` });
  const page = await browser.open('/vector-stores', { key: client.apiKey! });
  await page.getByRole('link', { name: 'store 51' }).waitFor();
  expect(await page.getByRole('link', { name: 'store 1', exact: true }).count()).toBe(0);
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('link', { name: 'store 1', exact: true }).waitFor();
});

test('threads are listed, filtered by metadata, found by a word of a message, and deleted', async () => {
  const client = await env.otherClient();
  const threads = await Promise.all(
    ['algebra', 'botany'].map((course) =>
      client.beta.threads.create({
        metadata: { course },
        messages: [{ role: 'user', content: `A question on ${course}: what about herons?` }],
      }),
    ),
  );
  const page = await browser.open('/threads', { key: client.apiKey! });
  await row(page, 'course: algebra').waitFor();
  await page.getByRole('textbox', { name: 'Metadata' }).fill('course: botany');
  await expect.poll(() => row(page, 'course: algebra').count()).toBe(0);
  await row(page, 'course: botany').waitFor();
  await page.getByRole('textbox', { name: 'Words' }).fill('algebra heron');
  await row(page, 'A question on algebra').getByRole('link', { name: 'Read' }).click();
  await page.waitForURL(`**/chat/${threads[0]!.id}`);
  await page.goto(`${env.api.url}/threads`);
  await row(page, 'course: botany').getByRole('button', { name: 'Delete' }).click();
  await expect.poll(() => row(page, 'course: botany').count()).toBe(0);
});

test('runs of all threads are listed by status, and open their page', async () => {
  const client = await env.otherClient();
  const model = `m-${randomUUID()}`;
  env.model.script(model, text('Done.'));
  const { id: assistant_id } = await client.beta.assistants.create({ model });
  const run = await client.beta.threads.createAndRunPoll({
    assistant_id,
    thread: { messages: [{ role: 'user', content: 'Hi' }] },
  });
  const page = await browser.open('/runs', { key: client.apiKey! });
  await row(page, run.id).getByText('completed').waitFor();
  await page.getByRole('combobox', { name: 'Status' }).click();
  await page.getByRole('option', { name: 'failed' }).click();
  await expect.poll(() => row(page, run.id).count()).toBe(0);
  await page.getByRole('combobox', { name: 'Status' }).click();
  await page.getByRole('option', { name: 'completed' }).click();
  await page.getByRole('link', { name: run.id }).click();
  await page.getByRole('table', { name: 'Timeline' }).waitFor();
  const current = page.getByRole('navigation').locator('[aria-current=page]');
  expect(await current.allInnerTexts()).toEqual(['Runs']);
});
