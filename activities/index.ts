/** The activities that the worker registers. Their arguments and results are ids and kinds: content stays in Postgres. */
import type { RunId, ToolCallId } from '../wire/ids.ts';
import type { IngestEndReason } from '../db/vector-stores/documents.ts';
import { endIngest } from '../db/vector-stores/documents.ts';
import type { FinalizeResult, RunEndReason } from '../db/runs/finalize.ts';
import { finalizeRun } from '../db/runs/finalize.ts';
import type { RunToolResult } from '../db/runs/tool-calls.ts';
import type { TurnResult } from '../db/runs/finish-turn.ts';
import type { ActivityDependencies } from './dependencies.ts';
import type { EmbeddedPart } from './ingest/embed-chunks.ts';
import { embedDocuments } from './ingest/embed-chunks.ts';
import type { IndexedPart } from './ingest/index-words.ts';
import { indexDocuments } from './ingest/index-words.ts';
import type { IngestResult } from './ingest/ingest-file.ts';
import { beating, cutFile, embedSlice } from './ingest/ingest-file.ts';
import { withPlace } from './ingest/places.ts';
import { modelTurn } from './turn/model-turn.ts';
import { runTool } from './run-tool.ts';

export type { ActivityDependencies } from './dependencies.ts';
export type { IngestEndReason } from '../db/vector-stores/documents.ts';
export type { FinalizeResult, RunEndReason } from '../db/runs/finalize.ts';
export type { RunToolResult } from '../db/runs/tool-calls.ts';
export type { TurnResult } from '../db/runs/finish-turn.ts';

export type { IngestResult } from './ingest/ingest-file.ts';

export type Activities = {
  /** One answer of the model, streamed and stored. */
  modelTurn(runId: RunId, turn: number): Promise<TurnResult>;
  /** One built-in tool call. */
  runTool(runId: RunId, callId: string): Promise<RunToolResult>;
  /** The end of a run that no model turn wrote. */
  finalizeRun(runId: RunId, reason: RunEndReason): Promise<FinalizeResult>;
  /** Of 0.1.0: workflows/reconcile.ts. */
  reconcile(): Promise<{ repaired: number }>;
  /** The end of an ingest that failed or was cancelled. Its name is in histories. */
  settleFile(seq: number, reason: IngestEndReason): Promise<IngestResult>;
} & IngestActivities;

/** On a queue of their own. */
export type IngestActivities = {
  /** From a file to stored chunks, and to its end where nothing needs embedding. */
  cutFile(seq: number): Promise<IngestResult>;
  /** Vectors of some chunks; the last part ends the ingest. */
  embedSlice(seq: number, slice: number): Promise<IngestResult>;
  /** Vectors of documents that were stored without. */
  embedDocuments(after: number): Promise<EmbeddedPart>;
  /** Words of documents that were indexed by earlier rules. */
  indexDocuments(after: number): Promise<IndexedPart>;
};

/** Takes turns with the projects. */
const MAINTENANCE = '';

export function createActivities(
  deps: ActivityDependencies,
): Omit<Activities, keyof IngestActivities> {
  return {
    modelTurn: (runId, turn) => modelTurn(deps, runId, turn),
    runTool: (runId, callId) => runTool(deps, runId, callId as ToolCallId),
    finalizeRun: (runId, reason) => finalizeRun(deps.pool, runId, reason),
    reconcile: () => Promise.resolve({ repaired: 0 }),
    settleFile: async (seq, reason) => ({
      kind: 'ended',
      status: await endIngest(deps.pool, seq, reason),
    }),
  };
}

export function createIngestActivities(deps: ActivityDependencies): IngestActivities {
  const maintain = <T>(work: (signal: AbortSignal) => Promise<T>) =>
    beating((signal) => withPlace(deps.ingests, MAINTENANCE, signal, () => work(signal)));
  return {
    cutFile: (seq) => cutFile(deps, seq),
    embedSlice: (seq, slice) => embedSlice(deps, seq, slice),
    embedDocuments: (after) => maintain((signal) => embedDocuments(deps, after, signal)),
    indexDocuments: (after) => maintain((signal) => indexDocuments(deps, after, signal)),
  };
}
