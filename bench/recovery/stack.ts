/** The system as separate processes that a bench can end one by one: PostgreSQL, Temporal, an API, workers, a fake model. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { Client, Connection } from '@temporalio/client';

import { createApiKey } from '../../db/projects/api-keys.ts';
import { migrate } from '../../db/core/migrate.ts';
import { createPool } from '../../db/core/pool.ts';
import { freePort } from '../../embedded/ports.ts';
import type { EmbeddedPostgres } from '../../embedded/postgres/server.ts';
import { startEmbeddedPostgres } from '../../embedded/postgres/server.ts';
import type { TemporalServer } from '../../embedded/temporal/server.ts';
import { startTemporalServer } from '../../embedded/temporal/server.ts';
import { SEARCH_ATTRIBUTE_TYPES } from '../../temporal/search-attributes.ts';
import { OwnProcess } from '../../test/support/processes.ts';
import type { Child } from '../child.ts';
import { startChild } from '../child.ts';
import type { Target } from '../http.ts';
import type { ModelHandlers } from '../model.ts';
import { stopOnSignal, temporaryDirectory } from '../stack.ts';

type Model = Pick<ModelHandlers, 'baseUrl'>;
/** `model`: the module of the fake model, relative to bench/. */
type Options = { model?: string; sandbox?: string };

export class RecoveryStack implements AsyncDisposable {
  readonly dataDir: string;
  readonly fake: Child<Model>;
  readonly port: number;
  postgres!: EmbeddedPostgres;
  temporalServer!: TemporalServer;
  client!: Client;
  api!: Target;
  apiProcess!: OwnProcess;
  worker!: OwnProcess;
  readonly #processes = new Set<OwnProcess>();
  #modelBaseUrl = '';

  readonly #sandbox: string;

  private constructor(dataDir: string, port: number, { model, sandbox }: Options) {
    this.#sandbox = sandbox ?? 'none';
    this.dataDir = dataDir;
    this.port = port;
    this.fake = startChild<Model>(model ?? './model.ts');
    stopOnSignal(() => this[Symbol.asyncDispose]());
  }

  static async start(options: Options = {}): Promise<RecoveryStack> {
    const stack = new RecoveryStack(await temporaryDirectory(), await freePort(), options);
    await Promise.all([stack.startPostgres(), stack.startTemporal()]);
    const pool = createPool(stack.postgres.url, { max: 1, applicationName: 'bench' });
    await migrate(pool);
    const apiKey = await createApiKey(pool, { projectName: 'bench', name: 'bench' });
    await pool.end();
    stack.#modelBaseUrl = await stack.fake.call('baseUrl');
    const connection = await Connection.connect({ address: stack.temporalServer.address });
    stack.client = new Client({ connection });
    stack.api = { baseUrl: `http://127.0.0.1:${stack.port}/v1`, apiKey };
    await stack.startApi();
    stack.worker = await stack.startWorker();
    return stack;
  }

  async startPostgres(): Promise<void> {
    this.postgres = await startEmbeddedPostgres({ dataDir: this.dataDir });
  }

  async startTemporal(): Promise<void> {
    const searchAttributes = SEARCH_ATTRIBUTE_TYPES;
    this.temporalServer = await startTemporalServer({ dataDir: this.dataDir, searchAttributes });
  }

  /** With the server stopped: as after the loss of its disk. */
  async loseTemporal(): Promise<void> {
    const kept = join(this.dataDir, 'temporal');
    const files = ['', '-wal', '-shm'].map(
      (end) => `temporal-${this.temporalServer.version}.db${end}`,
    );
    for (const file of files) await rm(join(kept, file), { force: true });
  }

  async startApi(): Promise<void> {
    this.apiProcess = this.#start('api/main.ts', { PORT: String(this.port) });
    await this.apiProcess.logged('The API is serving');
  }

  async startWorker(): Promise<OwnProcess> {
    const worker = this.#start('worker/main.ts', {
      MODEL_BASE_URL: this.#modelBaseUrl,
      SANDBOX: this.#sandbox,
      THREADMILL_CACHE_DIR: join(this.dataDir, 'cache'),
    });
    await worker.logged('The worker is polling');
    return worker;
  }

  #start(entry: string, settings: Record<string, string>): OwnProcess {
    const started = OwnProcess.start(entry, {
      DATABASE_URL: this.postgres.url,
      TEMPORAL_ADDRESS: this.temporalServer.address,
      LOG_LEVEL: 'info',
      ...settings,
    });
    this.#processes.add(started);
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#processes].map((one) => one.kill()));
    await this.client.connection.close();
    await Promise.all([this.temporalServer.stop(), this.postgres.stop(), this.fake.stop()]);
    await rm(this.dataDir, { recursive: true, force: true });
  }
}
