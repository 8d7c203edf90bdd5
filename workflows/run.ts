/**
 * A run, from its first model turn to its terminal status. History holds ids and verdicts; everything a client can see
 * is in Postgres. Changes here must replay old histories: test/workflows has them.
 */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  isCancellation,
  log,
  patched,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  TimeoutFailure,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

import type { Activities, ToolOutcome } from '../activities/index.ts';
import type { LastError, RunStatus } from '../wire/types.ts';
import type { RunOutcome, RunState } from './run-state.ts';
import { apply, initialState } from './run-state.ts';
import type { RunInput } from './signals.ts';
import { toolOutputsSubmitted } from './signals.ts';

const RUN_STATUS = defineSearchAttributeKey('RunStatus', SearchAttributeType.KEYWORD);

/** A pause that its client answers at once costs no visibility write; an operator can only look for longer ones. */
const LONG_PAUSE_MS = 5_000;

const { finalizeRun } = proxyActivities<Activities>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
  summary: 'end the run',
});

export async function runWorkflow(input: RunInput): Promise<{ status: RunStatus | 'deleted' }> {
  const submitted = new Set<string>();
  setHandler(toolOutputsSubmitted, (submission) => void submitted.add(submission));

  let state: RunState = initialState;
  while (state.at !== 'ended') {
    state = apply(state, await perform(state, input, submitted), input.maxTurns);
  }
  if (state.status === 'cancelled' && CancellationScope.current().consideredCancelled) {
    throw new CancelledFailure('The run was cancelled.');
  }
  return { status: state.status };
}

async function perform(
  state: Exclude<RunState, { at: 'ended' }>,
  input: RunInput,
  submitted: ReadonlySet<string>,
): Promise<RunOutcome> {
  if (state.at === 'finalizing') return finalize(state, input);
  try {
    switch (state.at) {
      case 'model':
        return await modelTurn(state.turn, input);
      case 'tools':
        return { kind: 'tools_settled', outcomes: await runTools(state.calls, input) };
      case 'waiting':
        return await waitForOutputs(state.submission, input, submitted);
    }
  } catch (error) {
    return comesTooLate(error) && patched('wait-until-the-deadline')
      ? await waitForDeadline(input)
      : outcomeOfError(error);
  }
}

/** The server that has to be waited for asked for more time than the run has. */
function comesTooLate(error: unknown): boolean {
  return (
    error instanceof ActivityFailure &&
    error.retryState === 'TIMEOUT' &&
    error.cause instanceof ApplicationFailure
  );
}

/** Until then the run can still be cancelled. */
async function waitForDeadline(input: RunInput): Promise<RunOutcome> {
  try {
    await sleep(timeLeft(input));
    return { kind: 'deadline' };
  } catch (error) {
    return outcomeOfError(error);
  }
}

/** Without a number: an activity knows what another try can change, and says when it is enough (activities/failures.ts). */
const RETRY = { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' };

function modelTurn(turn: number, input: RunInput): ReturnType<Activities['modelTurn']> {
  const activities = proxyActivities<Activities>({
    // A model may think for as long as the run lives; the activity knows how long its server may be silent.
    scheduleToCloseTimeout: timeLeft(input),
    heartbeatTimeout: '10s',
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: RETRY,
    summary: `model turn ${turn + 1}`,
  });
  return activities.modelTurn(input.runId, turn);
}

/** Runs the calls side by side and waits for all of them, so that none writes after the run has moved on. */
async function runTools(
  calls: { id: string; type: string }[],
  input: RunInput,
): Promise<ToolOutcome[]> {
  const settled = await Promise.allSettled(
    calls.map((call) => {
      const activities = proxyActivities<Activities>({
        scheduleToCloseTimeout: timeLeft(input),
        heartbeatTimeout: '10s',
        cancellationType: 'WAIT_CANCELLATION_COMPLETED',
        retry: RETRY,
        summary: `${call.type} ${call.id}`,
      });
      return activities.runTool(input.runId, call.id);
    }),
  );
  const failures = settled.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  if (failures.length > 0) throw failures.find(isCancellation) ?? failures[0];
  return settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

async function waitForOutputs(
  submission: string,
  input: RunInput,
  submitted: ReadonlySet<string>,
): Promise<RunOutcome> {
  const arrived = () => submitted.has(submission);
  const left = timeLeft(input);
  if (await condition(arrived, Math.min(left, LONG_PAUSE_MS))) return { kind: 'outputs' };
  if (left <= LONG_PAUSE_MS) return { kind: 'deadline' };
  showStatus('requires_action', `Waiting for tool outputs (step ${submission}).`);
  if (!(await condition(arrived, timeLeft(input)))) return { kind: 'deadline' };
  showStatus('in_progress', '');
  return { kind: 'outputs' };
}

async function finalize(
  state: Extract<RunState, { at: 'finalizing' }>,
  input: RunInput,
): Promise<RunOutcome> {
  const outcome = await CancellationScope.nonCancellable(() =>
    finalizeRun(input.runId, state.ending),
  );
  if (outcome.kind === 'ended') showStatus(outcome.status, `The run ended ${outcome.status}.`);
  return outcome;
}

function showStatus(status: RunStatus | 'deleted', details: string): void {
  upsertSearchAttributes([{ key: RUN_STATUS, value: status }]);
  setCurrentDetails(details);
}

function timeLeft(input: RunInput): number {
  return Math.max(1, input.expiresAtMs - Date.now());
}

function outcomeOfError(error: unknown): RunOutcome {
  if (isCancellation(error)) return { kind: 'cancelled' };
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_CLOSE')
    return { kind: 'deadline' };
  if (!(error instanceof ActivityFailure)) throw error;
  log.warn('The run fails', { cause: cause instanceof Error ? cause.message : String(cause) });
  return { kind: 'failed', error: lastError(cause) };
}

const CODES = new Set(['server_error', 'rate_limit_exceeded', 'invalid_prompt']);

/** An activity names the wire's code as its failure's type; anything else is a fault of ours or of the worker. */
function lastError(cause: unknown): LastError {
  if (cause instanceof ApplicationFailure && cause.type && CODES.has(cause.type)) {
    return { code: cause.type as LastError['code'], message: cause.message };
  }
  return { code: 'server_error', message: 'Sorry, something went wrong.' };
}
