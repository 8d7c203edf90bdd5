/** The console's chat: a newcomer's first minutes, in a real browser. */
import { randomUUID } from 'node:crypto';

import { toFile } from 'openai';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';

import { Environment } from '../support/environment.ts';
import type { Reply } from '../support/fake-model.ts';
import { hold, status, text, toolCalls } from '../support/fake-model.ts';
import { ConsoleBrowser, testInBrowser as test } from './support.ts';

let env: Environment;
let browser: ConsoleBrowser;
beforeAll(async () => {
  env = await Environment.start({ sandbox: true });
  browser = await ConsoleBrowser.start(env);
});
afterEach(() => browser.expectQuiet());
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await env[Symbol.asyncDispose]();
});

const WEATHER = {
  name: 'get_weather',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
};

async function newAssistant(...replies: Reply[]) {
  const model = `m-${randomUUID()}`;
  env.model.script(model, ...replies);
  return env.client.beta.assistants.create({
    model,
    name: `Tutor ${model.slice(2, 8)}`,
    tools: [
      { type: 'code_interpreter' },
      { type: 'file_search' },
      { type: 'function', function: WEATHER },
    ],
  });
}

/** A new thread with an assistant that gives these answers. */
async function openChat(...replies: Reply[]): Promise<Page> {
  const { name } = await newAssistant(...replies);
  const page = await browser.open('/chat');
  await page.getByRole('combobox', { name: 'Assistant' }).click();
  await page.getByRole('option', { name: name! }).click();
  return page;
}

async function say(page: Page, words: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(words);
  await page.getByRole('button', { name: 'Send' }).click();
}

const log = (page: Page) => page.getByRole('log');

test('a newcomer makes an assistant and gets an answer', async () => {
  const model = `m-${randomUUID()}`;
  env.model.script(model, text('Hello from the model.'));
  const page = await browser.open('/');
  await page.getByRole('link', { name: 'New assistant' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('Math Tutor');
  await page.getByRole('combobox', { name: 'Model' }).fill(model);
  await page.getByRole('textbox', { name: 'Instructions' }).fill('You teach mathematics.');
  await page.getByRole('switch', { name: 'Code interpreter' }).check();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.waitForURL('**/chat');
  await say(page, 'Hi');
  await log(page).getByText('Hello from the model.').waitFor();
  expect(env.model.requests(model)[0]!.body).toMatchObject({
    messages: [{ role: 'system' }, { role: 'user', content: 'Hi' }],
  });
});

test('an answer is shown while it is written, and a reload in its middle goes on without a gap', async () => {
  const answer = hold(text('one two three four'), { afterChunks: 2 });
  const page = await openChat(answer.reply);
  await say(page, 'Count.');
  await log(page).getByText('one two').waitFor();
  await page.getByRole('button', { name: 'Stop' }).waitFor();
  await page.reload();
  await log(page).getByText('one two').waitFor();
  answer.release();
  await log(page).getByText('one two three four', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Send' }).waitFor();
  expect(await log(page).getByText('one two').count()).toBe(1);
});

test('Enter sends, Shift+Enter begins a line, and Enter that ends a composed word does not send', async () => {
  const page = await openChat(text('Two lines.'));
  const box = page.getByRole('textbox', { name: 'Message' });
  await box.pressSequentially('first');
  await box.press('Shift+Enter');
  await box.pressSequentially('second');
  await box.dispatchEvent('keydown', { key: 'Enter', isComposing: true });
  expect(await box.inputValue()).toBe('first\nsecond');
  await box.press('Enter');
  await log(page).getByText('Two lines.').waitFor();
});

test('code is shown with its output and its figure', async () => {
  const code =
    'import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nprint("drawn", 6 * 7)';
  const page = await openChat(
    toolCalls([{ name: 'code_interpreter', arguments: { code } }]),
    text('Here it is.'),
  );
  await say(page, 'Draw.');
  await log(page).getByText('Here it is.').waitFor();
  await log(page).getByText('drawn 42').waitFor();
  const figure = log(page).getByRole('img', { name: 'Figure' }).first();
  await expect
    .poll(() =>
      figure.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth),
    )
    .toBeGreaterThan(100);
});

test('a function is answered by hand', async () => {
  const page = await openChat(
    toolCalls([{ name: 'get_weather', arguments: { city: 'Paris' } }]),
    text('It is 21 degrees.'),
  );
  await say(page, 'What is the weather?');
  const form = page.getByRole('region', { name: 'The run waits for the outputs of its functions' });
  await form.getByText('"city"').waitFor();
  await form.getByRole('textbox', { name: 'Output of get_weather' }).fill('{"degrees": 21}');
  await form.getByRole('button', { name: 'Submit' }).click();
  await log(page).getByText('It is 21 degrees.').waitFor();
  expect(await form.count()).toBe(0);
});

test('a run is stopped in the middle of its answer', async () => {
  const answer = hold(text('never to be finished'), { afterChunks: 2 });
  const page = await openChat(answer.reply);
  await say(page, 'Go on for long.');
  await log(page).getByText('never to').waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await log(page).getByText('cancelled', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Send' }).waitFor();
  answer.release();
});

test('a file is attached with its progress, and a search of it is cited with the text of its place', async () => {
  const page = await openChat(
    toolCalls([{ name: 'file_search', arguments: { query: 'heron' } }]),
    text('It sleeps on one leg【1:0†birds.txt】.'),
  );
  await page
    .locator('input[type=file]')
    .first()
    .setInputFiles({
      name: 'birds.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from('The heron sleeps on one leg near the water.'),
    });
  await page.getByText('birds.txt').waitFor();
  await page.getByRole('combobox', { name: 'Tool for the files' }).click();
  await page.getByRole('option', { name: 'File search' }).click();
  await say(page, 'How does a heron sleep?');
  await log(page).getByText('It sleeps on one leg').waitFor();
  await log(page).getByRole('button', { name: '[1]' }).click();
  const source = page.getByRole('dialog', { name: 'Source' });
  await source.getByText('The heron sleeps on one leg near the water.').waitFor();
  await source.getByText('birds.txt').waitFor();
  const chunk = source.getByRole('region', { name: 'The chunk at its place' });
  await chunk.locator('mark').getByText('The heron sleeps on one leg near the water.').waitFor();
});

test('a figure of the user is shown, and a picture of another host is only a link', async () => {
  const page = await openChat(
    text('![spy](https://example.com/spy.png) and <img src=x onerror=alert(1)>'),
  );
  await say(page, 'Show me a picture.');
  await log(page).getByRole('link', { name: 'spy' }).waitFor();
  await log(page).getByText('<img src=x').waitFor();
  expect(await log(page).getByRole('img').count()).toBe(0);
});

test('formulas, tables and code of an answer are set', async () => {
  const page = await openChat(
    text(
      '\\(E = mc^2\\) and `\\(no formula\\)`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nprint("hi")\n```',
    ),
  );
  await say(page, 'Everything, please.');
  await log(page).locator('.katex').waitFor();
  await log(page).getByText('\\(no formula\\)').waitFor();
  await log(page).getByRole('cell', { name: '1' }).waitFor();
  await log(page).locator('.hljs-string').waitFor();
});

test('a run that fails says why', async () => {
  const page = await openChat(
    status(400, { body: { error: { message: 'Your prompt is too odd.', code: 'odd' } } }),
  );
  await say(page, 'Something odd.');
  await log(page)
    .getByRole('alert')
    .getByText(/odd|model server/)
    .waitFor();
  await log(page).getByText('failed', { exact: true }).waitFor();
});

test('a thread of another client is read and gone on with', async () => {
  const { id: assistant_id, name } = await newAssistant(
    text('First answer.'),
    text('Second answer.'),
  );
  const thread = await env.client.beta.threads.create({
    messages: [{ role: 'user', content: 'First?' }],
  });
  await env.client.beta.threads.runs.createAndPoll(thread.id, { assistant_id });
  const page = await browser.open(`/chat/${thread.id}`);
  await log(page).getByText('First answer.').waitFor();
  await page.getByRole('combobox', { name: 'Assistant' }).click();
  await page.getByRole('option', { name: name! }).click();
  await say(page, 'Second?');
  await log(page).getByText('Second answer.').waitFor();
});

test('a file that code made is downloaded from the answer', async () => {
  const code = 'open("/mnt/data/table.csv", "w").write("a,b\\n1,2\\n")';
  const page = await openChat(
    toolCalls([{ name: 'code_interpreter', arguments: { code } }]),
    text('Take [the table](sandbox:/mnt/data/table.csv).'),
  );
  await say(page, 'Make a table.');
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    log(page).getByRole('button', { name: 'the table' }).click(),
  ]);
  expect(download.suggestedFilename()).toContain('table.csv');
});

const MESSAGES = 10_000;

test('a thread of ten thousand messages opens at its end, scrolls to its first, and draws only what is seen', async () => {
  const { id } = await env.client.beta.threads.create();
  await env.pool.query(
    `insert into messages (id, thread_id, project_id, seq, created_at, role, status, completed_at, content, attachments, metadata, tokens, tokens_before)
     select 'msg_' || lpad(n::text, 24, '0'), id, project_id, n, n, 'user', 'completed', n,
       jsonb_build_array(jsonb_build_object('type', 'text', 'text', jsonb_build_object('value', 'message ' || n, 'annotations', '[]'::jsonb))), '[]', '{}', 2, 0
     from threads, generate_series(1, $2) n where id = $1`,
    [id, MESSAGES],
  );
  await env.pool.query('update threads set last_message_seq = $2 where id = $1', [id, MESSAGES]);
  const page = await browser.open(`/chat/${id}`);
  await log(page).getByText(`message ${MESSAGES}`, { exact: true }).waitFor();
  const first = () =>
    log(page)
      .getByRole('article')
      .first()
      .innerText()
      .then((words) => Number(/message (\d+)/.exec(words)?.[1]));
  const drawn: number[] = [];
  for (let before = await first(); before > 1; before = await first()) {
    await log(page).evaluate((element) =>
      (element as unknown as { scrollTo(x: number, y: number): void }).scrollTo(0, 0),
    );
    await expect.poll(first, { timeout: 20_000 }).toBeLessThan(before);
    drawn.push(Number(await page.evaluate("document.querySelectorAll('*').length")));
  }
  await log(page).getByText('message 1', { exact: true }).waitFor();
  expect(drawn.length).toBeGreaterThan(90);
  expect(Math.max(...drawn)).toBeLessThan(1_500);
}, 600_000);

test('a picture of the user goes to the model, and is shown', async () => {
  const { id: assistant_id } = await newAssistant(text('A dot.'));
  const pixel =
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  const file = await env.client.files.create({
    file: await toFile(Buffer.from(pixel, 'base64'), 'dot.png'),
    purpose: 'vision',
  });
  const thread = await env.client.beta.threads.create({
    messages: [
      { role: 'user', content: [{ type: 'image_file', image_file: { file_id: file.id } }] },
    ],
  });
  await env.client.beta.threads.runs.createAndPoll(thread.id, { assistant_id });
  const page = await browser.open(`/chat/${thread.id}`);
  await log(page).getByRole('img', { name: 'Figure' }).waitFor();
  await log(page).getByText('A dot.').waitFor();
});

test('a thread that does not exist is said to be missing', async () => {
  const page = await browser.open('/chat/thread_missing', { refused: true });
  await page.getByRole('alert').getByText("No thread found with id 'thread_missing'").waitFor();
});
