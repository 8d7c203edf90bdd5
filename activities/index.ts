/** The one object the worker registers. Ids in, small verdicts out: content stays in Postgres. */
import type { IngestEnding } from '../db/documents.ts';
import { settleFile } from '../db/documents.ts';
import type { EventBatcher } from '../db/event-batcher.ts';
import type { FinalizeOutcome, RunEnding } from '../db/finalize.ts';
import { finalizeRun } from '../db/finalize.ts';
import type { InterpreterQueue } from '../db/interpreter-lease.ts';
import type { Pool } from '../db/pool.ts';
import type { RunControl } from '../db/run-control.ts';
import type { ToolOutcome } from '../db/tool-calls.ts';
import type { TurnOutcome } from '../db/turns.ts';
import type { Sandbox } from '../sandbox/index.ts';
import type { Embedder, ParseLimits, ParserPool } from '../retrieval/index.ts';
import type { EmbeddedPart } from './embed-chunks.ts';
import { embedDocuments } from './embed-chunks.ts';
import type { IngestOutcome } from './ingest-file.ts';
import { beating, cutFile, embedSlice } from './ingest-file.ts';
import { modelTurn } from './model-turn.ts';
import type { ModelServers } from './model/client.ts';
import { reconcile } from './reconcile.ts';
import { runTool } from './run-tool.ts';

export type { IngestEnding } from '../db/documents.ts';
export type { FinalizeOutcome, RunEnding } from '../db/finalize.ts';
export type { ToolOutcome } from '../db/tool-calls.ts';
export type { TurnOutcome } from '../db/turns.ts';

export type { EmbeddedPart } from './embed-chunks.ts';
export type { IngestOutcome } from './ingest-file.ts';

export type WorkflowState = 'running' | 'closed' | 'missing';

export type ActivityDependencies = {
  pool: Pool;
  batcher: EventBatcher;
  control: RunControl;
  sandbox: Sandbox;
  interpreters: InterpreterQueue;
  /** Seconds a code_interpreter call may take, as the model is told. */
  cellSeconds: number;
  models: ModelServers;
  /** Null: searches are lexical only. */
  embedder: Embedder | null;
  /** Codes of a store whose vectors a search compares exactly. */
  searchCandidates: number;
  /** Seconds that a run waits for files of its thread. */
  fileWaitSeconds: number;
  /** What parsing one file may use, where it differs from the defaults. */
  parseLimits: Partial<ParseLimits>;
  parsers: ParserPool;
  describeWorkflow: (workflowId: string) => Promise<WorkflowState>;
  /** Starts the workflow that embeds stored documents, unless it runs. */
  startEmbedding: () => Promise<void>;
};

export type Activities = {
  /** One answer of the model, streamed and stored. */
  modelTurn(runId: string, turn: number): Promise<TurnOutcome>;
  /** One built-in tool call. */
  runTool(runId: string, callId: string): Promise<ToolOutcome>;
  /** The end of a run that no model turn wrote. */
  finalizeRun(runId: string, ending: RunEnding): Promise<FinalizeOutcome>;
  reconcile(): Promise<{ repaired: number }>;
  /** The end of an ingest that did not work. */
  settleFile(seq: number, ending: IngestEnding): Promise<IngestOutcome>;
} & IngestActivities;

/** On a queue of their own. */
export type IngestActivities = {
  /** From a file to stored chunks, and to its end where nothing needs embedding. */
  cutFile(seq: number): Promise<IngestOutcome>;
  /** Vectors of some chunks; the last part ends the ingest. */
  embedSlice(seq: number, slice: number): Promise<IngestOutcome>;
  /** Vectors of documents that were stored without. */
  embedDocuments(after: number): Promise<EmbeddedPart>;
};

export function createActivities(
  deps: ActivityDependencies,
): Omit<Activities, keyof IngestActivities> {
  return {
    modelTurn: (runId, turn) => modelTurn(deps, runId, turn),
    runTool: (runId, callId) => runTool(deps, runId, callId),
    finalizeRun: (runId, ending) => finalizeRun(deps.pool, runId, ending),
    reconcile: () => reconcile(deps),
    settleFile: async (seq, ending) => ({
      kind: 'ended',
      status: await settleFile(deps.pool, seq, ending),
    }),
  };
}

export function createIngestActivities(deps: ActivityDependencies): IngestActivities {
  return {
    cutFile: (seq) => cutFile(deps, seq),
    embedSlice: (seq, slice) => embedSlice(deps, seq, slice),
    embedDocuments: (after) => beating((signal) => embedDocuments(deps, after, signal)),
  };
}
