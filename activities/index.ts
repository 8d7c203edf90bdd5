/** The one object the worker registers. Ids in, small verdicts out: content stays in Postgres. */
import type { EventBatcher } from '../db/event-batcher.ts';
import type { FinalizeOutcome, RunEnding } from '../db/finalize.ts';
import { finalizeRun } from '../db/finalize.ts';
import type { InterpreterQueue } from '../db/interpreter-lease.ts';
import type { Pool } from '../db/pool.ts';
import type { RunControl } from '../db/run-control.ts';
import type { ToolOutcome } from '../db/tool-calls.ts';
import type { TurnOutcome } from '../db/turns.ts';
import type { Sandbox } from '../sandbox/index.ts';
import { modelTurn } from './model-turn.ts';
import type { ModelServers } from './model/client.ts';
import { reconcile } from './reconcile.ts';
import { runTool } from './run-tool.ts';

export type { FinalizeOutcome, RunEnding } from '../db/finalize.ts';
export type { ToolOutcome } from '../db/tool-calls.ts';
export type { TurnOutcome } from '../db/turns.ts';

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
  describeWorkflow: (runId: string) => Promise<WorkflowState>;
};

export type Activities = {
  /** One answer of the model, streamed and stored. */
  modelTurn(runId: string, turn: number): Promise<TurnOutcome>;
  /** One built-in tool call. */
  runTool(runId: string, callId: string): Promise<ToolOutcome>;
  /** The end of a run that no model turn wrote. */
  finalizeRun(runId: string, ending: RunEnding): Promise<FinalizeOutcome>;
  reconcile(): Promise<{ repaired: number }>;
};

export function createActivities(deps: ActivityDependencies): Activities {
  return {
    modelTurn: (runId, turn) => modelTurn(deps, runId, turn),
    runTool: (runId, callId) => runTool(deps, runId, callId),
    finalizeRun: (runId, ending) => finalizeRun(deps.pool, runId, ending),
    reconcile: () => reconcile(deps),
  };
}
