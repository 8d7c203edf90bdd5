/** Who can use the console: any colours, width, language and means of reading; and nobody without a key. */
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';

import { Environment } from '../support/environment.ts';
import { text } from '../support/fake-model.ts';
import { createEndpoint } from '../webhooks/receiver.ts';
import { ConsoleBrowser, seriousFaults, testInBrowser as test } from './support.ts';

const PATHS = [
  '/chat',
  '/assistants',
  '/assistants/new',
  '/threads',
  '/runs',
  '/files',
  '/vector-stores',
  '/status',
  '/batches',
  '/webhooks',
  '/usage',
  '/projects',
];

let env: Environment;
let browser: ConsoleBrowser;
let admin: string;
let conversation: string;
let runPage: string;
beforeAll(async () => {
  env = await Environment.start();
  browser = await ConsoleBrowser.start(env);
  admin = await browser.adminKey();
  // Of events that do not happen here: nothing is sent.
  await createEndpoint(env.client, 'https://example.com/hooks', ['batch.failed', 'batch.expired']);
  env.model.script('m', text('# A heading\n\n`code`, $x^2$ and [a link](https://example.com).'));
  const assistant = await env.client.beta.assistants.create({ model: 'm', name: 'Tutor' });
  const run = await env.client.beta.threads.createAndRunPoll({
    assistant_id: assistant.id,
    thread: { messages: [{ role: 'user', content: 'Hi' }] },
  });
  conversation = run.thread_id;
  runPage = `/threads/${run.thread_id}/runs/${run.id}`;
});
afterEach(() => browser.expectQuiet());
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await env[Symbol.asyncDispose]();
});

describe.each([
  ['light', 1_200],
  ['dark', 1_200],
  ['light', 390],
] as const)('%s, %i px wide', (colorScheme, width) => {
  test('every page is free of serious faults, and no page is wider than the screen', async () => {
    const page = await browser.open('/', { colorScheme, width, key: admin });
    const found: Record<string, unknown> = {};
    for (const path of [...PATHS, `/chat/${conversation}`, runPage]) {
      await page.goto(`${env.api.url}${path}`);
      await page.getByRole('heading', { level: 1 }).first().waitFor();
      await page.waitForLoadState('networkidle');
      const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      found[path] = { faults: await seriousFaults(page), wide };
    }
    const none = Object.keys(found).map((path) => [path, { faults: [], wide: 0 }]);
    expect(found).toEqual(Object.fromEntries(none));
  }, 180_000);
});

test('the language is that of the browser, and another can be chosen and is kept', async () => {
  const page = await browser.open('/assistants', { locale: 'zh-CN' });
  await page.getByRole('heading', { name: '助手' }).waitFor();
  expect(await page.evaluate('document.documentElement.lang')).toBe('zh-Hans');
  await page.getByRole('combobox', { name: '语言' }).click();
  await page.getByRole('option', { name: 'English' }).click();
  await page.reload();
  await page.getByRole('heading', { name: 'Assistants' }).waitFor();
});

test('colours can be changed and are kept', async () => {
  const page = await browser.open('/files', { colorScheme: 'light' });
  await page.getByRole('button', { name: 'Dark colours' }).click();
  await page.reload();
  await page.getByRole('button', { name: 'Light colours' }).waitFor();
});

test('a keyboard alone reaches the navigation and opens a page', async () => {
  const page = await browser.open('/chat');
  const link = page.getByRole('link', { name: 'Vector stores' });
  await link.waitFor();
  for (let presses = 0; presses < 30; presses++) {
    await page.keyboard.press('Tab');
    if (await link.evaluate((element) => element === element.ownerDocument.activeElement)) break;
  }
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Vector stores' }).waitFor();
});

test('on a phone the menu opens and closes', async () => {
  const page = await browser.open('/chat', { width: 390 });
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('link', { name: 'Files' }).click();
  await page.getByRole('heading', { name: 'Files' }).waitFor();
});

test('the key leaves the address at once, stays in the tab, and is forgotten by signing out', async () => {
  const page = await browser.open('/files');
  await page.getByRole('heading', { name: 'Files' }).waitFor();
  expect(page.url()).toBe(`${env.api.url}/files`);
  await page.reload();
  await page.getByRole('heading', { name: 'Files' }).waitFor();
  expect(await page.evaluate('JSON.stringify(localStorage)')).not.toContain(env.apiKey);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('textbox', { name: 'API key' }).waitFor();
  expect(await page.evaluate('JSON.stringify(sessionStorage)')).not.toContain(env.apiKey);
});

test('without a key there is a form, which refuses a wrong one and opens with a right one', async () => {
  const page = await browser.open('/files', { key: '', refused: true });
  await page.getByLabel('API key').first().fill('sk-wrong');
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByRole('alert').waitFor();
  await page.getByLabel('API key').first().fill(env.apiKey);
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByRole('heading', { name: 'Files' }).waitFor();
});

test('the page comes to browsers only: API clients get the API’s 404', async () => {
  const asked = (accept: string, path = '/somewhere') =>
    fetch(`${env.api.url}${path}`, { headers: { accept } });
  const page = await asked('text/html,application/xhtml+xml,*/*;q=0.8');
  expect(page.headers.get('content-type')).toContain('text/html');
  const policy = page.headers.get('content-security-policy')!;
  expect(policy).toContain("default-src 'none'; script-src 'self';");
  expect(policy).not.toContain('unsafe-eval');
  const [, nonce] = /'nonce-([^']+)'/.exec(policy)!;
  expect(await page.text()).toContain(`nonce="${nonce}"`);
  for (const accept of ['*/*', 'application/json']) {
    expect((await asked(accept)).status).toBe(404);
  }
  const unknown = await asked('text/html', '/v1/somewhere');
  expect(unknown.headers.get('content-type')).toContain('application/json');
  expect((await asked('text/html', '/assets/../index.html')).status).not.toBe(500);
});

test('a first paint does not wait for formulas, colours of code, and charts', async () => {
  const page = await browser.open('/chat');
  await page.getByRole('heading', { name: 'Chat' }).waitFor();
  const loaded = async () =>
    (await page.evaluate(
      "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/assets/')).map(({ name }) => name)",
    )) as string[];
  expect((await loaded()).filter((name) => /usage|rendered|katex/i.test(name))).toEqual([]);
  expect(await page.evaluate("performance.getEntriesByName('first-contentful-paint').length")).toBe(
    1,
  );
  await page.goto(`${env.api.url}/chat/${conversation}`);
  await page.locator('.katex').first().waitFor();
  expect((await loaded()).some((name) => name.includes('rendered'))).toBe(true);
});
