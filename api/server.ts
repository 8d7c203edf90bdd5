/** Builds what the API needs, serves, and takes it down in order. */
import type { ConnectionLike } from '@temporalio/client';
import { Client, Connection } from '@temporalio/client';

import type { ConfigOf } from '../config/config.ts';
import { embeddingsTarget } from '../config/config.ts';
import { createRequestPool } from '../db/core/request-pool.ts';
import { EventFeed } from '../db/events/event-feed.ts';
import { Listener } from '../db/core/listener.ts';
import { weaknessOfRole } from '../db/core/app-role.ts';
import { createPool } from '../db/core/pool.ts';
import { observeDatabase } from '../db/core/stored-gauges.ts';
import type { Logger } from '../config/log.ts';
import { createEmbedder } from '../retrieval/index.ts';
import { embeddingSpans } from '../telemetry/model-span.ts';
import { TokenCounter } from '../tokens/token-counter.ts';
import { createDispatcher } from '../temporal/dispatch.ts';
import { clientInterceptors } from '../temporal/tracing.ts';
import { whenThere } from '../temporal/when-there.ts';
import { createAnswerSlots } from './http/answer-slots.ts';
import { createApp } from './app.ts';
import type { Gate } from './http/gate.ts';
import { openGate } from './http/gate.ts';
import { createLimiter } from './limits/limiter.ts';
import { createRequestCounter } from './limits/request-counter.ts';
import { createModelList } from './model-list.ts';

export type ApiOptions = {
  config: ConfigOf<'api'>;
  databaseUrl: string;
  listenUrl: string;
  temporalAddress: string;
  log: Logger;
  /** A port that is open already. */
  gate?: Gate;
  /** The connection of a worker in the same process. */
  connection?: ConnectionLike;
  states?: () => Record<string, string>;
};

export type RunningApi = Pick<Gate, 'url' | 'port'> & { close(): Promise<void> };

/** Somebody waits for the answer: a lock that is held this long is not worth waiting for, and 503 says when to try again. */
const BOUNDS = { lockMs: 5_000, statementMs: 15_000, longMs: 300_000 };

/** UTF-16 units: the messages of a few of the largest requests. */
const MAX_UNCOUNTED = 32 * 1024 * 1024;

export async function startApi(options: ApiOptions): Promise<RunningApi> {
  const { config, log } = options;
  const gate = options.gate ?? (await openGate(config.host, config.port));
  const max = config.databasePoolSize;
  const pool = createPool(options.databaseUrl, {
    max,
    applicationName: 'threadmill-api',
    bounds: BOUNDS,
  });
  const requests = createRequestPool(pool, max, BOUNDS);
  const listener = new Listener(options.listenUrl, 'threadmill-api-listen');
  const feed = new EventFeed(pool, listener);
  await whenThere('PostgreSQL', log, () => listener.start());
  const weakness = await whenThere('PostgreSQL', log, () => weaknessOfRole(pool));
  if (weakness !== undefined) log.warn(weakness);
  const connection =
    options.connection ??
    Connection.lazy({ address: options.temporalAddress, ...config.temporalSecurity });
  const interceptors = await clientInterceptors();
  const temporal = new Client({ connection, namespace: config.temporalNamespace, interceptors });
  const { taskQueue, maxTurns } = config;
  const dispatcher = createDispatcher({ pool, client: temporal, log, taskQueue, maxTurns });
  const unobserve = observeDatabase(pool);
  const stop = new AbortController();
  const partStates = options.states ?? (() => ({}));
  const target = embeddingsTarget(config);
  const limiter = createLimiter({ config, pool, log });
  const parts = {
    config,
    pool: requests.pool,
    inRequest: requests.run,
    inAnswerSlot: createAnswerSlots(),
    feed,
    temporal,
    dispatcher,
    embedder: target ? createEmbedder({ ...target, observe: embeddingSpans(target) }) : null,
    models: createModelList(config, log),
    limiter,
    requests: createRequestCounter(pool, log),
    tokens: new TokenCounter(MAX_UNCOUNTED),
    log,
  };
  gate.admit(createApp({ ...parts, stopping: stop.signal, partStates }));
  return {
    url: gate.url,
    port: gate.port,
    async close() {
      await gate.close(stop);
      unobserve();
      limiter[Symbol.dispose]();
      await parts.requests[Symbol.asyncDispose]();
      await dispatcher.settled();
      feed[Symbol.dispose]();
      await parts.tokens[Symbol.asyncDispose]();
      await listener[Symbol.asyncDispose]();
      await pool.end();
      if (options.connection === undefined) await (connection as Connection).close();
    },
  };
}
