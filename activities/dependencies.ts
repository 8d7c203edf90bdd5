/** What activities are made of: the worker builds it once. */
import type { ModelPrice } from '../config/price.ts';
import type { EventBatcher } from '../db/events/event-batcher.ts';
import type { InterpreterQueue } from '../db/interpreters/interpreter-lease.ts';
import type { Delivery } from '../db/core/deliveries.ts';
import type { Pool } from '../db/core/pool.ts';
import type { ModelLimits } from '../db/projects/model-rates.ts';
import type { Logger } from '../config/log.ts';
import type { RunControl } from '../db/events/run-control.ts';
import type { Embedder, ParseLimits, ParserPool } from '../retrieval/index.ts';
import type { Sandbox } from '../sandbox/index.ts';
import type { Shares } from '../sandbox/pool/shares.ts';
import type { TokenCounter } from '../tokens/token-counter.ts';
import type { LinePace } from './batches/line-pace.ts';
import type { IngestPlaces } from './ingest/places.ts';
import type { ModelServers } from './model/client.ts';
import type { SlotShares } from './slot-shares.ts';

/** `upstreamModel`: the model's name there. */
export type PassedTarget = {
  server: { baseUrl: string; apiKey: string };
  upstreamModel: string;
  /** Undefined: the model has none. */
  limits?: ModelLimits;
};

export type ActivityDependencies = {
  pool: Pool;
  batcher: EventBatcher;
  control: RunControl;
  sandbox: Sandbox;
  interpreters: InterpreterQueue;
  /** Seconds a code_interpreter call may take, as the model is told. */
  cellSeconds: number;
  /** Of a project without a quota of its own; 0: none. */
  quotaBytes: number;
  models: ModelServers;
  /** Null: searches are lexical only. */
  embedder: Embedder | null;
  /** Codes of a store whose vectors a search compares exactly. */
  searchCandidates: number;
  /** Seconds that a run waits for files of its thread. */
  fileWaitSeconds: number;
  /** What parsing one file may use, where it differs from the defaults. */
  parseLimits: Partial<ParseLimits>;
  /** In which text of scanned pages is recognised. */
  ocrLanguages: readonly string[];
  parsers: ParserPool;
  ingests: IngestPlaces;
  /** Of what a turn does before the model is asked: it needs this thread, and the model's time does not. */
  beginnings: Shares;
  slots: SlotShares;
  /** Of lines of batches. */
  pace: LinePace;
  tokens: TokenCounter;
  /** For what an operator looks for: the SDK's own log has the fields of the activity. */
  log: Logger;
  /** Takes what was committed to Temporal. */
  dispatcher: { dispatch(delivery: Delivery): void };
  /** The server of a request that passes to a model as it is. */
  target: (endpoint: string, model: string) => PassedTarget | undefined;
  /** Of a project without a limit of its own; 0: none. */
  runsAtOnce: number;
  /** Whether webhooks may go to private addresses. */
  webhookPrivateAddresses: boolean;
  /** Batches at model servers. `groupMs`: longest wait for one; `pollMs`: first pause; `directSeconds`: left of a run that waits no longer. */
  upstream: { groupMs: number; pollMs: number; directSeconds: number };
  priceOf: (model: string) => ModelPrice | undefined;
  /** Seconds that a run of a batch may live. */
  longestRunSeconds: number;
};
