/** The console's page of webhooks, in a real browser, with a real receiver. */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';

import { Environment } from '../support/environment.ts';
import { createEndpoint, Receiver } from '../webhooks/receiver.ts';
import { ConsoleBrowser, seriousFaults, testInBrowser as test } from './support.ts';

let env: Environment;
let browser: ConsoleBrowser;
let receiver: Receiver;
beforeAll(async () => {
  env = await Environment.start({ config: { webhookPrivateAddresses: true } });
  browser = await ConsoleBrowser.start(env);
  receiver = await Receiver.start();
});
afterEach(() => browser.expectQuiet());
afterAll(async () => {
  await receiver[Symbol.asyncDispose]();
  await browser[Symbol.asyncDispose]();
  await env[Symbol.asyncDispose]();
});

const row = (page: Page, table: string, words: string) =>
  page.getByRole('table', { name: table }).getByRole('row').filter({ hasText: words });

test('an endpoint is made by keyboard, shows its secret once, and is tested, rotated and deleted', async () => {
  const page = await browser.open('/webhooks');
  await page.getByRole('button', { name: 'New endpoint' }).press('Enter');
  const form = page.getByRole('dialog', { name: 'New endpoint' });
  await form.getByRole('textbox', { name: 'Name' }).fill('shop');
  await page.keyboard.press('Tab');
  await page.keyboard.type(receiver.url);
  for (const type of ['file.deleted', 'thread.run.completed']) {
    await form.getByRole('checkbox', { name: type, exact: true }).press('Space');
  }
  expect(await seriousFaults(page)).toEqual([]);
  await form.getByRole('button', { name: 'Save' }).press('Enter');

  const dialog = page.getByRole('dialog', { name: 'Signing secret' });
  const secret = await dialog.getByText(/^whsec_/).innerText();
  const focused = page.locator(':focus');
  expect(await focused.innerText()).toBe('Copy');
  expect(await seriousFaults(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  expect(await page.getByText(secret).count()).toBe(0);
  const [made] = (await env.client.webhooks.list()).data;
  expect(made).toMatchObject({
    name: 'shop',
    event_types: ['file.deleted', 'thread.run.completed'],
  });

  const shop = row(page, 'Webhooks', 'shop');
  await shop.getByRole('button', { name: 'Test' }).click();
  await page.getByText('The endpoint answered 204.').waitFor();
  const { body, headers } = receiver.received.at(-1)!;
  await env.client.webhooks.unwrap(body, headers as Record<string, string>, secret);

  await shop.getByRole('button', { name: 'Rotate secret' }).click();
  const rotated = await dialog.getByText(/^whsec_/).innerText();
  expect(rotated).not.toBe(secret);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  await shop.getByRole('button', { name: 'Test' }).click();
  await expect.poll(() => receiver.received.length).toBe(2);
  const second = receiver.received.at(-1)!;
  for (const known of [secret, rotated]) {
    const given = second.headers as Record<string, string>;
    await env.client.webhooks.unwrap(second.body, given, known);
  }
  await shop.getByRole('button', { name: 'Delete' }).click();
  await expect.poll(() => shop.count()).toBe(0);
});

test('a dead letter shows its reason, and is replayed once its endpoint is enabled again', async () => {
  const client = await env.otherClient();
  await createEndpoint(client, receiver.url, ['file.processed']);
  receiver.answer({ status: 410 });
  await client.files.create({ file: new File(['One.'], 'one.txt'), purpose: 'assistants' });
  const page = await browser.open('/webhooks', { key: client.apiKey!, colorScheme: 'dark' });
  const delivery = row(page, 'Deliveries', 'file.processed');
  await delivery.getByText('dead letter').waitFor();
  await delivery.getByText('410').waitFor();
  expect(await seriousFaults(page)).toEqual([]);

  await page.getByRole('combobox', { name: 'Status of the deliveries' }).click();
  await page.getByRole('option', { name: 'succeeded' }).click();
  await expect.poll(() => delivery.count()).toBe(0);
  await page.getByRole('combobox', { name: 'Status of the deliveries' }).click();
  await page.getByRole('option', { name: 'dead letter' }).click();
  await page.reload();

  const endpoint = row(page, 'Webhooks', 'a receiver');
  await endpoint.getByText('disabled').waitFor();
  await endpoint.getByRole('button', { name: 'Enable' }).click();
  await endpoint.getByText('enabled').waitFor();
  await delivery.getByRole('button', { name: 'Replay' }).click();
  await delivery.getByText('succeeded').waitFor();
  await endpoint.getByRole('button', { name: 'Disable' }).click();
  await endpoint.getByText('disabled').waitFor();
});

test('an address that the server refuses shows its reason and keeps the form', async () => {
  const page = await browser.open('/webhooks', { refused: true });
  await page.getByRole('button', { name: 'New endpoint' }).click();
  const form = page.getByRole('dialog', { name: 'New endpoint' });
  await form.getByRole('textbox', { name: 'Name' }).fill('wrong');
  await form.getByRole('textbox', { name: 'URL' }).fill('ftp://example.com');
  await form.getByRole('checkbox', { name: 'batch.completed', exact: true }).check();
  await form.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('alert').filter({ hasText: 'url' }).waitFor();
  expect(await form.getByRole('textbox', { name: 'Name' }).inputValue()).toBe('wrong');
});
