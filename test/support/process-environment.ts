/**
 * The real system as processes: an API and workers on a database and a task queue of their own, a scripted model in
 * this process, and a TCP proxy on every way between them. Disposing kills what it started.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

import { Client, Connection } from '@temporalio/client';
import OpenAI from 'openai';
import { inject } from 'vitest';

import type { RunningApi } from '../../api/server.ts';
import { startApi } from '../../api/server.ts';
import { loadConfig } from '../../config/config.ts';
import { createApiKey } from '../../db/projects/api-keys.ts';
import type { Pool } from '../../db/core/pool.ts';
import { createPool } from '../../db/core/pool.ts';
import { createLogger } from '../../config/log.ts';
import { adminUrlOf, cloneDatabase, dropDatabase } from './environment.ts';
import type { FakeModel } from './fake-model.ts';
import { startFakeModel } from './fake-model.ts';
import { OwnProcess } from './processes.ts';
import { TcpProxy } from './tcp-proxy.ts';

/** Every process reaches each server through the proxy of its kind. */
export type Proxies = Record<
  'apiToDatabase' | 'apiToTemporal' | 'workerToDatabase' | 'workerToTemporal',
  TcpProxy
>;

export type WorkerOptions = {
  /** A second worker past the first one's blocked ways. */
  direct?: boolean;
  sandbox?: boolean;
  /** Model turns and tool calls at once. */
  slots?: number;
  /** Environment variables on top. */
  settings?: Record<string, string>;
};

export class ProcessEnvironment implements AsyncDisposable {
  readonly taskQueue = `test-${randomUUID()}`;
  readonly databaseUrl: string;
  readonly model: FakeModel;
  readonly proxies: Proxies;
  readonly pool: Pool;
  readonly temporal: Client;
  readonly apiKey: string;
  readonly #processes: OwnProcess[] = [];
  readonly #ownsDatabase: boolean;
  #served: RunningApi | undefined;
  #apiUrl = '';

  private constructor(parts: Parts, apiKey: string) {
    this.databaseUrl = parts.databaseUrl;
    this.#ownsDatabase = parts.ownsDatabase;
    this.model = parts.model;
    this.proxies = parts.proxies;
    this.pool = parts.pool;
    this.temporal = new Client({ connection: parts.connection });
    this.apiKey = apiKey;
  }

  /**
   * Nothing of ours runs yet: the test starts what it needs. A test that stops the database brings its own, migrated;
   * every other gets one on the server that all tests share.
   */
  static async start(databaseUrl?: string): Promise<ProcessEnvironment> {
    const parts = await startParts(databaseUrl);
    const apiKey = await createApiKey(parts.pool, { projectName: 'test', name: 'test' });
    return new ProcessEnvironment(parts, apiKey);
  }

  /** An API inside this process, for tests that do nothing to it: it starts faster. */
  async serveApi(): Promise<void> {
    const settings = { TEMPORAL_TASK_QUEUE: this.taskQueue, LOG_LEVEL: 'error', PORT: '0' };
    const config = loadConfig(settings);
    this.#served = await startApi({
      config,
      databaseUrl: this.databaseUrl,
      listenUrl: this.databaseUrl,
      temporalAddress: inject('temporalAddress'),
      log: createLogger(config),
    });
    this.#apiUrl = this.#served.url;
  }

  /** Starts an API, in place of one that was killed. Resolves when it is ready. */
  async startApi(settings: Record<string, string> = {}): Promise<OwnProcess> {
    const { apiToDatabase, apiToTemporal } = this.proxies;
    const api = this.#start('api/main.ts', {
      ...this.#servers(apiToDatabase, apiToTemporal),
      PORT: '0',
      POLL_AFTER_MS: '20',
      ...settings,
    });
    this.#apiUrl = String((await api.logged('The API is serving'))['url']);
    return api;
  }

  async startWorker(options: WorkerOptions = {}): Promise<OwnProcess> {
    const worker = this.beginWorker(options);
    await worker.logged('The worker is polling');
    return worker;
  }

  /** A worker that does not poll yet. */
  beginWorker(options: WorkerOptions = {}): OwnProcess {
    const { direct = false, sandbox = false, slots = 400, settings = {} } = options;
    const { workerToDatabase, workerToTemporal } = this.proxies;
    const servers = direct
      ? { DATABASE_URL: this.databaseUrl, TEMPORAL_ADDRESS: inject('temporalAddress') }
      : this.#servers(workerToDatabase, workerToTemporal);
    return this.#start('worker/main.ts', {
      ...servers,
      MODEL_BASE_URL: this.model.baseUrl,
      SANDBOX: sandbox ? 'auto' : 'none',
      WORKER_ACTIVITY_SLOTS: String(slots),
      npm_config_cache: inject('cacheDir'),
      ...settings,
    });
  }

  #servers(database: TcpProxy, temporal: TcpProxy): Record<string, string> {
    const url = new URL(this.databaseUrl);
    url.host = `127.0.0.1:${database.port}`;
    return { DATABASE_URL: url.href, TEMPORAL_ADDRESS: `127.0.0.1:${temporal.port}` };
  }

  #start(entry: string, settings: Record<string, string>): OwnProcess {
    const process = OwnProcess.start(entry, {
      TEMPORAL_TASK_QUEUE: this.taskQueue,
      LOG_LEVEL: 'info',
      NODE_COMPILE_CACHE: join(inject('cacheDir'), 'compiled'),
      ...settings,
    });
    this.#processes.push(process);
    return process;
  }

  /** The official client of the API that was started last. Retries are off: a test sees every answer. */
  get client(): OpenAI {
    return new OpenAI({ baseURL: `${this.#apiUrl}/v1`, apiKey: this.apiKey, maxRetries: 0 });
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${this.apiKey}`);
    headers.set('content-type', 'application/json');
    return fetch(`${this.#apiUrl}${path}`, { ...init, headers });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#served?.close(), ...this.#processes.map((one) => one.kill())]);
    await Promise.all(Object.values(this.proxies).map((proxy) => proxy[Symbol.asyncDispose]()));
    await this.model.close();
    await this.temporal.connection.close();
    await this.pool.end();
    if (this.#ownsDatabase) await dropDatabase(this.databaseUrl);
  }
}

type Parts = {
  databaseUrl: string;
  ownsDatabase: boolean;
  model: FakeModel;
  proxies: Proxies;
  pool: Pool;
  connection: Connection;
};

async function startParts(ownDatabaseUrl: string | undefined): Promise<Parts> {
  const [databaseUrl, model, connection] = await Promise.all([
    ownDatabaseUrl ?? cloneDatabase(),
    startFakeModel(),
    Connection.connect({ address: inject('temporalAddress') }),
  ]);
  const database = addressOf(new URL(databaseUrl).host);
  const temporal = addressOf(inject('temporalAddress'));
  const [apiToDatabase, apiToTemporal, workerToDatabase, workerToTemporal] = await Promise.all(
    [database, temporal, database, temporal].map((target) => TcpProxy.start(target)),
  );
  const pool = createPool(ownDatabaseUrl ?? adminUrlOf(databaseUrl), {
    max: 3,
    applicationName: 'threadmill-test',
  });
  return {
    databaseUrl,
    ownsDatabase: ownDatabaseUrl === undefined,
    model,
    proxies: {
      apiToDatabase: apiToDatabase!,
      apiToTemporal: apiToTemporal!,
      workerToDatabase: workerToDatabase!,
      workerToTemporal: workerToTemporal!,
    },
    pool,
    connection,
  };
}

function addressOf(text: string): { host: string; port: number } {
  const [host = '', port] = text.split(':');
  return { host, port: Number(port) };
}
