/** Runs a cell in its interpreter's kernel, and has its result stored together with the state after it. */
import type { CellOutcome, KernelTimeoutError, Limits } from '../backend.ts';
import { KernelError } from '../backend.ts';
import { addLogs, addSentence } from '../kernel/running-cell.ts';
import type { CellRequest, CellResult } from '../sandbox.ts';
import type { BoundKernel, Checkpoint } from './bound-kernel.ts';
import type { Room } from './file-changes.ts';
import { advance, leaveOut, putInputs, takeCheckpoint, withNotes } from './bound-kernel.ts';

/** Files that a thread of the cell changes while they are stored, and that the cell is stored without. */
const MAX_LEFT_OUT = 20;
const UNDONE = 'Variables and files are as they were before this cell.';

/** Throws the signal's reason when it aborts, and what reading an input or storing the cell throws. */
export async function runAndSave(
  bound: BoundKernel,
  request: CellRequest,
  limits: Limits,
  cancel: AbortSignal,
): Promise<CellResult> {
  const started = performance.now();
  await putInputs(bound, request.inputs);
  const notice = bound.notice;
  bound.notice = '';
  if (notice !== '') request.onLogs?.(notice);
  const outcome = await bound.kernel.run(request.code, request.onLogs);
  cancel.throwIfAborted();
  const checkpoint = bound.kernel.alive
    ? await checkpointOrError(bound, { ...limits, roomBytes: request.roomBytes ?? Infinity })
    : undefined;
  cancel.throwIfAborted();
  const timed = (shown: CellOutcome): CellResult => ({
    ...shown,
    durationMs: Math.round(performance.now() - started),
  });
  const save = async (saved: Checkpoint) => {
    const result = timed(withNotes(outcome, notice, saved.files.notSaved));
    await request.save(result, saved.change);
    advance(bound, request.nextVersion, saved);
    return result;
  };
  const saveUndone = async (failure: KernelError | undefined) => {
    const result = timed(undoneBy(withNotes(outcome, notice, []), failure));
    await request.save(result, null);
    return result;
  };
  if (checkpoint === undefined || checkpoint instanceof KernelError) return saveUndone(checkpoint);
  const saved = await saveReadable(bound, checkpoint, save, cancel);
  return saved instanceof KernelError ? saveUndone(saved) : saved;
}

/** Leaves out files that cannot be read as they were listed. Returns an error, with the kernel ended, when there are too many. */
async function saveReadable(
  bound: BoundKernel,
  checkpoint: Checkpoint,
  save: (checkpoint: Checkpoint) => Promise<CellResult>,
  cancel: AbortSignal,
): Promise<CellResult | KernelError> {
  for (let left = MAX_LEFT_OUT; ; left -= 1) {
    try {
      return await save(checkpoint);
    } catch (error) {
      cancel.throwIfAborted();
      if (checkpoint.unreadable === undefined) throw error;
      const { cause } = checkpoint.unreadable;
      if (left > 0 && leaveOut(bound, checkpoint)) continue;
      const changed = new KernelError('Files changed while they were being saved.');
      const failure = bound.kernel.alive ? changed : cause;
      await bound.kernel.kill('Its files could not be read.');
      return failure;
    }
  }
}

/** The interpreter's variables did not come back in time: the stored state stays for the next cell. */
export async function resultOfNotRun(
  request: CellRequest,
  cause: KernelTimeoutError,
): Promise<CellResult> {
  const result = { ...undoneBy({ outputs: [], status: 'died' }, cause), durationMs: 0 };
  await request.save(result, null);
  return result;
}

async function checkpointOrError(
  bound: BoundKernel,
  limits: Limits & Room,
): Promise<Checkpoint | KernelError> {
  try {
    return await takeCheckpoint(bound, limits);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    await bound.kernel.kill('Its state could not be read.');
    return error;
  }
}

/** The outcome of a cell whose kernel has ended, or was ended for `failure`. */
function undoneBy(outcome: CellOutcome, failure: KernelError | undefined): CellOutcome {
  if (failure !== undefined) addSentence(outcome.outputs, failure.message);
  const last = outcome.outputs.at(-1);
  const gap = last?.type === 'logs' && !last.logs.endsWith('\n') ? ' ' : '';
  addLogs(outcome.outputs, `${gap}${UNDONE}`);
  return {
    outputs: outcome.outputs,
    status: outcome.status === 'ok' || failure !== undefined ? 'died' : outcome.status,
  };
}
