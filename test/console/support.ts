/** The console in a real Chromium, on the real API. */
import { existsSync } from 'node:fs';

import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { expect, test } from 'vitest';

import { buildConsole } from '../../console/build.ts';
import { createApiKey } from '../../db/projects/api-keys.ts';
import { SCOPES } from '../../wire/admin/scopes.ts';
import type { Environment } from '../support/environment.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const installed = CHROMIUM.find((path) => existsSync(path));

// .ci/run installs it; a computer of a developer may do without.
export const testInBrowser =
  installed !== undefined || process.env['CI'] !== undefined ? test : test.skip;

export type Tab = { page: Page; errors: string[]; hosts: Set<string> };

export class ConsoleBrowser implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #env: Environment;
  readonly #tabs: Tab[] = [];

  private constructor(browser: Browser, env: Environment) {
    this.#browser = browser;
    this.#env = env;
  }

  static async start(env: Environment): Promise<ConsoleBrowser> {
    await buildConsole();
    return new ConsoleBrowser(await ConsoleBrowser.launch(), env);
  }

  /** A container's root cannot use Chromium's own sandbox. */
  static launch(): Promise<Browser> {
    return chromium.launch({ executablePath: installed ?? CHROMIUM[0]!, args: ['--no-sandbox'] });
  }

  /** A tab of its own session, at `path`, signed in with `key`. */
  async open(path = '/', options: Options = {}): Promise<Page> {
    const { key = this.#env.apiKey, width = 1_200, refused, ...context } = options;
    const viewport = { width, height: 800 };
    const page = await (
      await this.#browser.newContext({ locale: 'en', viewport, ...context })
    ).newPage();
    const tab: Tab = { page, errors: [], hosts: new Set() };
    this.#tabs.push(tab);
    page.setDefaultTimeout(40_000);
    page.on('pageerror', (error) => tab.errors.push(error.message));
    page.on('console', (message) => {
      // Chromium writes each refused request to the console.
      if (refused === true && message.text().startsWith('Failed to load resource')) return;
      if (message.type() === 'error') tab.errors.push(message.text());
    });
    page.on('request', (request) => tab.hosts.add(new URL(request.url()).host));
    await page.goto(`${this.#env.api.url}${path}${key === '' ? '' : `#key=${key}`}`);
    return page;
  }

  /** A key that may do everything. */
  adminKey(): Promise<string> {
    const grant = { projectName: 'test', name: 'operator', scopes: SCOPES };
    return createApiKey(this.#env.pool, grant);
  }

  /** Of all tabs: nothing was written to a console, and nobody else was asked. */
  expectQuiet(): void {
    const { host } = new URL(this.#env.api.url);
    for (const { errors, hosts } of this.#tabs.splice(0)) {
      expect(errors).toEqual([]);
      expect([...hosts].filter((one) => one !== host && one !== '')).toEqual([]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

type Options = {
  key?: string;
  width?: number;
  colorScheme?: 'light' | 'dark';
  locale?: string;
  /** The server refuses some of its requests. */
  refused?: boolean;
};

/** Faults that keep people with screen readers or without a mouse from using the page. */
export async function seriousFaults(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' ')}`);
}
