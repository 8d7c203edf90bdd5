/**
 * A newcomer's first ten minutes: `npm start`, its link, and everything that docs/first-ten-minutes.md shows. The pictures of
 * that page come from here: SCREENSHOTS=docs/screenshots npm test -- test/console/first-minutes
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Locator, Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';

import { readJson } from '../../embedded/files.ts';
import { pdf } from '../retrieval/support/documents.ts';
import { start } from '../start/support.ts';
import { dynamic, hold, startFakeModel, text, toolCalls } from '../support/fake-model.ts';
import { ConsoleBrowser, testInBrowser as test } from './support.ts';

const PICTURES = process.env['SCREENSHOTS'];
const SIZE = { width: 1_200, height: 800 };
/** Two whole systems start here, beside other tests. */
const PATIENCE_MS = 120_000;
const MODEL = 'my-model';

const PLOT = `import numpy as np
import matplotlib.pyplot as plt

x = np.linspace(-1, 3)
plt.plot(x, 3 * x + 11, label="3x + 11")
plt.axhline(14, color="gray", label="14")
plt.legend()
plt.show()
print("x =", (14 - 11) / 3)`;
const SUM = `import csv
rows = list(csv.DictReader(open("/mnt/data/sales.csv")))
print("total:", sum(int(row["amount"]) for row in rows))`;

const held = hold(text('A right triangle has one angle of 90 degrees.'), { afterChunks: 3 });
const REPLIES = [
  toolCalls([{ name: 'code_interpreter', arguments: { code: PLOT } }]),
  text('Subtract 11 from both sides and divide by 3: $$x = \\frac{14 - 11}{3} = 1$$'),
  toolCalls([{ name: 'code_interpreter', arguments: { code: SUM } }]),
  text('Both months together: **60**.'),
  toolCalls([{ name: 'file_search', arguments: { query: 'how herons sleep' } }]),
  // As a model does, it cites by the mark that stands before the passage.
  dynamic((request) => {
    const mark = /【\d+:0†birds\.pdf】/.exec(JSON.stringify(request))?.[0];
    return text(`Herons sleep standing on one leg${mark}.`);
  }),
  toolCalls([{ name: 'get_weather', arguments: { city: 'Paris' } }]),
  text('It is 21 degrees in Paris.'),
  held.reply,
  text('A right triangle has one angle of 90 degrees, and its sides obey $a^2 + b^2 = c^2$.'),
];

const FUNCTION = JSON.stringify({
  name: 'get_weather',
  description: 'Tells the weather.',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
});

/** What `npm start` prints. */
async function startServer(dataDir: string, modelUrl: string, port = '0') {
  const args = ['--port', port, '--temporal-ui-port', '0', '--data-dir', dataDir];
  const env = { MODEL_BASE_URL: modelUrl, LOG_LEVEL: 'silent' };
  const banner = await start('bin/start.mjs', args, { env }).printed(/is ready[^]*curl/);
  return /Console +(\S+)/.exec(banner)![1]!;
}

/** Worker and API are one process here. PostgreSQL and Temporal end with it. */
async function killServer(dataDir: string): Promise<void> {
  const lock = await readJson<{ pid: number }>(join(dataDir, 'lock'));
  process.kill(lock!.pid, 'SIGKILL');
}

async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES === undefined) return;
  await page.screenshot({ path: join(PICTURES, `${name}.jpg`), type: 'jpeg', quality: 70 });
}

async function say(page: Page, words: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(words);
  await page.getByRole('button', { name: 'Send' }).click();
}

async function attach(page: Page, name: string, buffer: Buffer): Promise<void> {
  const mimeType = name.endsWith('.pdf') ? 'application/pdf' : 'text/csv';
  await page.locator('input[type=file]').first().setInputFiles({ name, mimeType, buffer });
  await page.getByText(name, { exact: true }).last().waitFor();
}

async function makeTutor(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'New assistant' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('Math Tutor');
  await page.getByRole('combobox', { name: 'Model' }).fill(MODEL);
  await page.getByRole('textbox', { name: 'Instructions' }).fill('You teach with code.');
  await page.getByRole('switch', { name: 'Code interpreter' }).check();
  await page.getByRole('switch', { name: 'File search' }).check();
  await page.getByRole('button', { name: 'Add a function' }).click();
  await page.getByRole('textbox', { name: 'Function 1' }).fill(FUNCTION);
  await picture(page, 'assistant');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.waitForURL('**/chat');
}

async function seeCode(page: Page, log: Locator): Promise<void> {
  await say(page, 'Solve 3x + 11 = 14 and show it.');
  await log.getByText('x = 1.0').waitFor();
  await log.locator('.katex').first().waitFor();
  const figure = log.getByRole('img', { name: 'Figure' }).last();
  const width = () =>
    figure.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth);
  await expect.poll(width, { timeout: PATIENCE_MS }).toBeGreaterThan(100);
  await picture(page, 'code');
}

async function useFiles(page: Page, log: Locator): Promise<void> {
  await attach(page, 'sales.csv', Buffer.from('month,amount\nJanuary,20\nFebruary,40\n'));
  await say(page, 'What do the sales add up to?');
  await log.getByText('total: 60').waitFor();
  await log.getByText('Both months together').waitFor();

  await page.getByRole('button', { name: 'Send' }).waitFor();
  const lines = ['The heron is a bird of the shore.', 'It sleeps standing on one leg.'];
  await attach(page, 'birds.pdf', pdf([lines]));
  await page.getByRole('combobox', { name: 'Tool for the files' }).click();
  await page.getByRole('option', { name: 'File search' }).click();
  await say(page, 'How do herons sleep?');
  await log.getByRole('button', { name: '[1]' }).click();
  const source = page.getByRole('dialog', { name: 'Source' });
  await source.locator('mark').getByText('It sleeps standing on one leg.').waitFor();
  await picture(page, 'citation');
  await source.getByRole('button', { name: 'Close' }).click();
}

async function answerFunction(page: Page, log: Locator): Promise<void> {
  await say(page, 'What is the weather in Paris?');
  const output = page.getByRole('textbox', { name: 'Output of get_weather' });
  await output.fill('{"degrees": 21}');
  await picture(page, 'function');
  await page.getByRole('button', { name: 'Submit' }).click();
  await log.getByText('It is 21 degrees in Paris.').waitFor();
}

async function findWorkflow(page: Page, log: Locator): Promise<void> {
  const chat = page.url();
  await log.getByRole('link', { name: 'Run' }).last().click();
  await page.getByRole('row', { name: 'Pause for functions' }).waitFor();
  await picture(page, 'run');
  const [workflow] = await Promise.all([
    page.waitForEvent('popup'),
    page.getByRole('link', { name: 'Workflow in the Temporal UI' }).click(),
  ]);
  await workflow.setViewportSize(SIZE);
  const run = /run_\w+/.exec(page.url())![0];
  await workflow.getByText(run).first().waitFor({ timeout: PATIENCE_MS });
  await workflow
    .getByText(/modelTurn|toolOutputsSubmitted/)
    .first()
    .waitFor({ timeout: PATIENCE_MS });
  await picture(workflow, 'workflow');
  await workflow.close();
  await page.goto(chat);
}

test(
  'a newcomer’s first ten minutes, from the start to a killed worker',
  { timeout: 6 * PATIENCE_MS },
  async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'threadmill-first-'));
    const model = await startFakeModel();
    const browser = await ConsoleBrowser.launch();
    onTestFinished(async () => {
      await Promise.all([browser.close(), model.close()]);
      await rm(dataDir, { recursive: true, force: true });
    });
    model.script(MODEL, ...REPLIES);
    const link = await startServer(dataDir, model.baseUrl);
    const page = await (await browser.newContext({ locale: 'en', viewport: SIZE })).newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(link);
    const log = page.getByRole('log');

    await makeTutor(page);
    await seeCode(page, log);
    await useFiles(page, log);
    await answerFunction(page, log);
    await findWorkflow(page, log);

    await say(page, 'Explain right triangles.');
    await log.getByText('A right triangle').waitFor();
    await held.reached;
    await killServer(dataDir);
    await startServer(dataDir, model.baseUrl, new URL(link).port);
    await log.getByText('and its sides obey').waitFor();
    await picture(page, 'killed');
    await page.getByRole('link', { name: 'Status' }).click();
    await page.getByRole('table', { name: 'Workers' }).waitFor();
    await picture(page, 'status');
    expect(model.overruns).toEqual([]);
  },
);
