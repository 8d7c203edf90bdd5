/** What every operation needs; built once per process and passed explicitly. */
import type { Client } from '@temporalio/client';

import type { ConfigOf } from '../config/config.ts';
import type { RequestPool } from '../db/core/request-pool.ts';
import type { EventFeed } from '../db/events/event-feed.ts';
import type { Pool } from '../db/core/pool.ts';
import type { Logger } from '../config/log.ts';
import type { Embedder } from '../retrieval/index.ts';
import type { TokenCounter } from '../tokens/token-counter.ts';
import type { Dispatcher } from '../temporal/dispatch.ts';
import type { RequestCounter } from './limits/request-counter.ts';
import type { Limiter } from './limits/limiter.ts';
import type { InAnswerSlot } from './http/answer-slots.ts';
import type { ListModels } from './model-list.ts';

export type ApiContext = {
  config: ConfigOf<'api'>;
  pool: Pool;
  /** What runs in it uses the pool for that request. */
  inRequest: RequestPool['run'];
  inAnswerSlot: InAnswerSlot;
  feed: EventFeed;
  temporal: Client;
  dispatcher: Dispatcher;
  /** Null: no embeddings endpoint is configured. */
  embedder: Embedder | null;
  models: ListModels;
  tokens: TokenCounter;
  limiter: Limiter;
  requests: RequestCounter;
  log: Logger;
  /** Aborts when the process stops: streams end then. */
  stopping: AbortSignal;
  /** States of the parts that live in the same process, for /readyz. */
  partStates: () => Record<string, string>;
};
