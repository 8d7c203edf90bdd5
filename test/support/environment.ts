/**
 * The real system for one test file: an API and a worker on free ports, a database cloned from the migrated template,
 * an own task queue, a scripted model, and the official client. Disposing takes everything down.
 */
import { randomUUID } from 'node:crypto';

import { Client, Connection } from '@temporalio/client';
import OpenAI from 'openai';
import pg from 'pg';
import { inject } from 'vitest';

import type { RunningApi } from '../../api/server.ts';
import { startApi } from '../../api/server.ts';
import type { Config } from '../../config/config.ts';
import { loadConfig } from '../../config/config.ts';
import { DEFAULT_PROFILE } from '../../config/models-file.ts';
import { createApiKey } from '../../db/projects/api-keys.ts';
import type { Pool } from '../../db/core/pool.ts';
import { createPool } from '../../db/core/pool.ts';
import type { Logger } from '../../config/log.ts';
import { createLogger } from '../../config/log.ts';
import type { RunningWorker } from '../../worker/worker.ts';
import { startWorker } from '../../worker/worker.ts';
import type { FakeModel } from './fake-model.ts';
import { startFakeModel } from './fake-model.ts';
import { appUrlOf, TEMPLATE_DATABASE } from './global-setup.ts';

export type EnvironmentOptions = {
  config?: Partial<Config>;
  /** False: runs stay queued until `startWorker` is called. */
  worker?: boolean;
  /** True: the worker runs code. Its first kernels take processor time from the tests beside it. */
  sandbox?: boolean;
  /** True: API and worker connect as a superuser, whom row-level security does not hold for. */
  superuser?: boolean;
};

export class Environment implements AsyncDisposable {
  readonly config: Config;
  readonly databaseUrl: string;
  readonly temporalAddress = inject('temporalAddress');
  readonly log: Logger;
  readonly model: FakeModel;
  /** A superuser's: what the test looks at and prepares. */
  readonly pool: Pool;
  readonly temporal: Client;
  api!: RunningApi;
  apiKey!: string;
  worker: RunningWorker | undefined;
  /** Retries are off: a test sees every answer. */
  client!: OpenAI;

  private constructor(
    config: Config,
    databaseUrl: string,
    model: FakeModel,
    connection: Connection,
  ) {
    this.config = config;
    this.databaseUrl = databaseUrl;
    this.model = model;
    this.log = createLogger(config);
    this.pool = createPool(adminUrlOf(databaseUrl), { max: 4, applicationName: 'threadmill-test' });
    this.temporal = new Client({ connection });
  }

  static async start(options: EnvironmentOptions = {}): Promise<Environment> {
    const [model, databaseUrl, connection] = await Promise.all([
      startFakeModel(),
      cloneDatabase(),
      Connection.connect({ address: inject('temporalAddress') }),
    ]);
    const config: Config = {
      ...loadConfig({ LOG_LEVEL: process.env.TEST_LOG_LEVEL ?? 'error' }),
      port: 0,
      modelBaseUrl: model.baseUrl,
      taskQueue: `test-${randomUUID()}`,
      pollAfterMs: 20,
      sandbox: (options.sandbox ?? false) ? 'auto' : 'none',
      // Failures are tried again by number: a test that waits for more says so.
      modelProfile: { ...DEFAULT_PROFILE, retry_seconds: 0 },
      ...options.config,
    };
    const url = options.superuser === true ? adminUrlOf(databaseUrl) : databaseUrl;
    const environment = new Environment(config, url, model, connection);
    environment.apiKey = await createApiKey(environment.pool, {
      projectName: 'test',
      name: 'test',
    });
    environment.api = await startApi(environment.#common());
    environment.client = environment.clientFor(environment.apiKey);
    if (options.worker ?? true) await environment.startWorker();
    return environment;
  }

  async startWorker(): Promise<RunningWorker> {
    this.worker = await startWorker({ ...this.#common(), cacheDir: inject('cacheDir') });
    return this.worker;
  }

  /** One more API on the same database; the caller closes it. */
  startApi(temporalAddress = this.temporalAddress): Promise<RunningApi> {
    return startApi({ ...this.#common(), temporalAddress });
  }

  clientFor(apiKey: string, api = this.api): OpenAI {
    return new OpenAI({ baseURL: `${api.url}/v1`, apiKey, maxRetries: 0 });
  }

  /** A second project's client. */
  async otherClient(): Promise<OpenAI> {
    return this.clientFor(
      await createApiKey(this.pool, { projectName: `other-${randomUUID()}`, name: 'test' }),
    );
  }

  /** A request without the client's help: for what the client would not send. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (!headers.has('authorization')) headers.set('authorization', `Bearer ${this.apiKey}`);
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    return fetch(`${this.api.url}${path}`, { ...init, headers });
  }

  #common() {
    return {
      config: this.config,
      databaseUrl: this.databaseUrl,
      listenUrl: this.databaseUrl,
      temporalAddress: this.temporalAddress,
      log: this.log,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api.close();
    await this.worker?.close();
    await this.model.close();
    await this.temporal.connection.close();
    await this.pool.end();
    await dropDatabase(this.databaseUrl);
  }
}

/** An empty, migrated database of its own, as the role of the API and the worker. */
export async function cloneDatabase(): Promise<string> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await asAdmin(`create database ${name} template ${TEMPLATE_DATABASE}`);
  const url = new URL(inject('databaseAdminUrl'));
  url.pathname = `/${name}`;
  return appUrlOf(url.href);
}

/** The same database for what tests look at and prepare: a superuser sees all projects and may define triggers. */
export function adminUrlOf(databaseUrl: string): string {
  const { username, password } = new URL(inject('databaseAdminUrl'));
  return Object.assign(new URL(databaseUrl), { username, password }).href;
}

export async function dropDatabase(url: string): Promise<void> {
  await asAdmin(`drop database if exists ${new URL(url).pathname.slice(1)} with (force)`);
}

/** Cloning a template needs it to itself, so two files take turns. */
async function asAdmin(statement: string): Promise<void> {
  const admin = new pg.Client({ connectionString: inject('databaseAdminUrl') });
  await admin.connect();
  try {
    await admin.query('select pg_advisory_lock(1)');
    await admin.query(statement);
  } finally {
    await admin.end();
  }
}
