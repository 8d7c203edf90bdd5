/**
 * One code_interpreter call. A repeated attempt finds the state before the cell and runs the cell from there: result and state
 * are stored together, so no cell has its effect twice.
 */
import type { RunId } from '../wire/ids.ts';
import {
  readInputFiles,
  readSavedState,
  writeOutputs,
  writeState,
} from '../db/interpreters/interpreter-content.ts';
import type { CellLease } from '../db/interpreters/interpreter-lease.ts';
import { takeLease } from '../db/interpreters/interpreter-lease.ts';
import { readRoom } from '../db/projects/stored-bytes.ts';
import { storeCell } from '../db/interpreters/interpreters.ts';
import type { PendingToolCall, RunToolResult } from '../db/turns/tool-calls.ts';
import { StaleCallError, readToolCall } from '../db/turns/tool-calls.ts';
import { SandboxUnavailableError } from '../sandbox/index.ts';
import { cellEnded } from '../telemetry/metrics.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { EarlierCallError } from './failures.ts';
import { holdLease } from './hold-lease.ts';
import { streamLogs } from './stream-logs.ts';

/** When no attempt runs an earlier call of the turn for this long, this attempt leaves its place in the worker. */
const ABANDONED_MS = 10_000;

/** `owner`: the attempt that runs the cell. */
type CellCall = { runId: RunId; call: PendingToolCall; owner: string };

/** @throws SandboxUnavailableError when there is no sandbox */
export async function runCell(
  deps: ActivityDependencies,
  { runId, call, owner }: CellCall,
  signal: AbortSignal,
): Promise<RunToolResult> {
  const { backend, reason } = deps.sandbox.status;
  if (backend === 'none') throw new SandboxUnavailableError(reason);
  const taken = await waitForLease(deps, runId, { call, owner }, signal);
  if (taken.kind === 'done') return taken.result;
  return runLeased(deps, { runId, call, lease: taken.lease }, signal);
}

type Taken = { kind: 'taken'; lease: CellLease } | { kind: 'done'; result: RunToolResult };

/** Waits until the thread's Python is free, and every earlier call of the turn has its result. */
async function waitForLease(
  deps: ActivityDependencies,
  runId: RunId,
  { call, owner }: Pick<CellCall, 'call' | 'owner'>,
  signal: AbortSignal,
): Promise<Taken> {
  let busyAt = performance.now();
  return deps.interpreters.until(call.thread_id, signal, async () => {
    const lease = await takeLease(deps.pool, runId, call.id, owner);
    if (lease !== undefined) return { kind: 'taken', lease };
    const again = await readToolCall(deps.pool, runId, call.id);
    if (again.kind === 'done') return again;
    if (again.call.python_in_use) busyAt = performance.now();
    if (performance.now() - busyAt > ABANDONED_MS) throw new EarlierCallError();
    return undefined;
  });
}

async function runLeased(
  { pool, sandbox, interpreters, quotaBytes }: ActivityDependencies,
  { runId, call, lease }: { runId: RunId; call: PendingToolCall; lease: CellLease },
  signal: AbortSignal,
): Promise<RunToolResult> {
  const held = holdLease(pool, lease, signal);
  const ref = { runId, callId: call.id };
  const logs = streamLogs(pool, lease, ref);
  // Every attempt names its own version: a Python whose cell was not stored has a version that no row has.
  const nextVersion = `${call.id}/${lease.epoch}`;
  let stored: RunToolResult | undefined;
  try {
    const roomBytes = await readRoom(pool, lease, quotaBytes);
    const result = await sandbox.runCell({
      interpreterId: call.thread_id,
      owner: lease.projectId,
      most: lease.cellsAtOnce ?? undefined,
      code: call.input,
      signal: held.signal,
      version: lease.version,
      load: () => readSavedState(pool, lease),
      inputs: await readInputFiles(pool, lease.projectId, call.code_file_ids),
      roomBytes,
      nextVersion,
      onLogs: (text) => logs.add(text),
      save: async (result, change) => {
        await logs.stop();
        const shown = logs.continued(result.outputs);
        const outputs = await writeOutputs(pool, lease.projectId, shown, roomBytes);
        const state =
          change === null
            ? null
            : await writeState(pool, lease, { version: nextVersion, change }, held.signal);
        await held.stop();
        stored = await storeCell(pool, lease, ref, { outputs, state, ms: result.durationMs });
      },
    });
    cellEnded(result.status, result.durationMs / 1_000);
  } catch (error) {
    // Its Python was lost after the cell was stored: the next cell restores it.
    if (stored !== undefined) return stored;
    await logs.stop();
    await held.release();
    if (error instanceof StaleCallError) return error.result;
    if (error instanceof SandboxUnavailableError) interpreters.abandon(call.thread_id, error);
    throw error;
  }
  if (stored === undefined) throw new Error('The sandbox did not have the cell stored.');
  return stored;
}
