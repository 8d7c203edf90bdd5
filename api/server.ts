/** Builds what the API needs, listens, and takes it down in order. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ConnectionLike } from '@temporalio/client';
import { Client, Connection } from '@temporalio/client';

import type { Config } from '../config.ts';
import { EventFeed } from '../db/event-feed.ts';
import { Listener } from '../db/listener.ts';
import { createPool } from '../db/pool.ts';
import type { Logger } from '../log.ts';
import { createApp } from './app.ts';
import type { ApiContext } from './context.ts';
import { Dispatcher } from './dispatch.ts';

export type ApiOptions = {
  config: Config;
  databaseUrl: string;
  listenUrl: string;
  temporalAddress: string;
  log: Logger;
  /** The connection of a worker in the same process: runs then start eagerly on it. */
  connection?: ConnectionLike;
  states?: () => Record<string, string>;
};

export type RunningApi = {
  /** `http://host:port`, without the `/v1` of the API's paths. */
  url: string;
  port: number;
  close(): Promise<void>;
};

/** In ms. Idle connections outlive the usual proxy's, so that it is never handed one that is being closed. */
const SERVER_LIMITS = { headersTimeout: 10_000, requestTimeout: 60_000, keepAliveTimeout: 75_000 };

/** Streams get this long to end by themselves when the process stops; a client resumes what is cut. */
const DRAIN_MS = 5_000;

export async function startApi(options: ApiOptions): Promise<RunningApi> {
  const { config, log } = options;
  const pool = createPool(options.databaseUrl, {
    max: config.databasePoolSize,
    applicationName: 'threadmill-api',
  });
  const listener = new Listener(options.listenUrl, 'threadmill-api-listen');
  const feed = new EventFeed(pool, listener);
  await listener.start();
  const connection = options.connection ?? Connection.lazy({ address: options.temporalAddress });
  const temporal = new Client({ connection, namespace: config.temporalNamespace });
  const eagerStart = options.connection !== undefined;
  const deliverOptions = { taskQueue: config.taskQueue, maxTurns: config.maxTurns, eagerStart };
  const dispatcher = new Dispatcher(pool, temporal, deliverOptions, log);
  const stop = new AbortController();
  const context: ApiContext = {
    config,
    pool,
    feed,
    temporal,
    dispatcher,
    log,
    stopping: stop.signal,
    partStates: options.states ?? (() => ({})),
  };
  const server = createServer(SERVER_LIMITS, createApp(context));
  const port = await listen(server, config.host, config.port);
  return {
    url: `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`,
    port,
    async close() {
      await drain(server, stop);
      await dispatcher.settled();
      feed[Symbol.dispose]();
      await listener[Symbol.asyncDispose]();
      await pool.end();
      if (options.connection === undefined) await (connection as Connection).close();
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

/** No new connection, then time for what is under way, then the streams' end. */
async function drain(server: Server, stop: AbortController): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  await Promise.race([closed, sleep(DRAIN_MS, undefined, { ref: false })]);
  stop.abort();
  await Promise.race([closed, sleep(1_000, undefined, { ref: false })]);
  server.closeAllConnections();
  await closed;
}
