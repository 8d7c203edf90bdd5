/**
 * A run, from its first model turn to its terminal status. History holds ids and kinds; everything a client can see
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
  workflowInfo,
} from '@temporalio/workflow';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

import type {
  Activities,
  Crowded,
  Handed,
  Held,
  RunEndReason,
  RunToolResult,
  TurnResult,
} from '../activities/index.ts';
import type { RunEnd } from '../wire/run-status.ts';
import type { LastError } from '../wire/types.ts';
import type { Interruption, OpenState, Results, RunState } from './run-state.ts';
import { apply, initialState } from './run-state.ts';
import type { RunInput } from './signals.ts';
import { listenForResume } from './hold.ts';
import { batchTaskQueue, crowdedTaskQueue, toolOutputsSubmitted, turnAnswered } from './signals.ts';

const RUN_STATUS = defineSearchAttributeKey('RunStatus', SearchAttributeType.KEYWORD);

/** A pause that its client answers at once costs no visibility write; an operator can only look for longer ones. */
const LONG_PAUSE_MS = 5_000;

const { finalizeRun } = proxyActivities<Activities>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
  summary: 'end the run',
});

/** For the operator. Like the history it holds ids and kinds. */
export type RunResult = { status: RunEnd['status']; reason: RunEnd['reason'] | null };

export async function runWorkflow(input: RunInput): Promise<RunResult> {
  const submitted = new Set<string>();
  setHandler(toolOutputsSubmitted, (submission) => void submitted.add(submission));
  const answered = new Set<number>();
  setHandler(turnAnswered, (turn) => void answered.add(turn));

  const whileHeld = listenForResume();
  let state: RunState = initialState;
  let finalized = false;
  while (state.at !== 'ended') {
    finalized = state.at === 'finalizing';
    state = await advance(state, input, { submitted, answered, whileHeld });
  }
  const { status, reason = null } = state;
  // In the task that ends the workflow: one event, and no write of the server's visibility store beside that of the end.
  if (finalized || input.v > 1) {
    showStatus(input, status, `The run ended ${status}${reason === null ? '' : `: ${reason}`}.`);
  }
  if (status === 'cancelled' && CancellationScope.current().consideredCancelled) {
    throw new CancelledFailure('The run was cancelled.');
  }
  return { status, reason };
}

type Inbox = {
  submitted: ReadonlySet<string>;
  /** Turns that waited for a batch at their model server. */
  answered: Set<number>;
  whileHeld: ReturnType<typeof listenForResume>;
};

/** Performs the state. The switch ties each state to the results that it can have. */
async function advance(
  state: OpenState,
  input: RunInput,
  { submitted, answered, whileHeld }: Inbox,
): Promise<RunState> {
  const { maxTurns } = input;
  switch (state.at) {
    case 'model':
      return apply(
        state,
        await interruptible(input, answer(state.turn, input, whileHeld)),
        maxTurns,
      );
    case 'tools':
      return apply(state, await interruptible(input, runTools(state.calls, input)), maxTurns);
    case 'waiting':
      return apply(state, await waitForOutputs(state.submission, input, submitted), maxTurns);
    case 'handed':
      return apply(state, await waitForAnswer(state, answered), maxTurns);
    case 'finalizing':
      return apply(state, await finalize(state.reason, input), maxTurns);
  }
}

async function interruptible<T>(input: RunInput, work: Promise<T>): Promise<T | Interruption> {
  try {
    return await work;
  } catch (error) {
    return comesTooLate(error) && patched('wait-until-the-deadline')
      ? await waitForDeadline(input)
      : interruptionOf(error);
  }
}

async function answer(
  turn: number,
  input: RunInput,
  whileHeld: Inbox['whileHeld'],
): Promise<Results['model']> {
  const result = await whileHeld(
    () => modelTurn(turn, input),
    () => timeLeft(input),
  );
  return result.kind === 'held' ? { kind: 'deadline' } : result;
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
async function waitForDeadline(input: RunInput): Promise<Interruption> {
  try {
    setCurrentDetails('Waiting for the deadline: the model server asked for more time than that.');
    await sleep(timeLeft(input), { summary: 'the deadline of the run' });
    return { kind: 'deadline' };
  } catch (error) {
    return interruptionOf(error);
  }
}

/** After this long without a beat a worker counts as dead. Beats come every 2 s (activities/attempt.ts): two may be lost. */
const HEARTBEAT_TIMEOUT = '6s';

/** Without a number: an activity knows what another try can change, and says when it is enough (activities/failures.ts). */
const RETRY = { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' } as const;

type Shared = { kind: string } | Crowded;

/** Performs a turn or tool call on its queue, or on that of crowded projects if the worker asks for that. */
async function inShare<T extends Shared>(
  { batched }: RunInput,
  perform: (taskQueue: string) => Promise<T>,
): Promise<Exclude<T, Crowded>> {
  const { taskQueue } = workflowInfo();
  let result = await perform(batched ? batchTaskQueue(taskQueue) : taskQueue);
  if (result.kind === 'crowded') result = await perform(crowdedTaskQueue(taskQueue));
  return result as Exclude<T, Crowded>;
}

function activitiesOn(taskQueue: string, summary: string, input: RunInput) {
  return proxyActivities<Activities>({
    taskQueue,
    // A model may think for as long as the run lives; the activity knows how long its server may be silent.
    scheduleToCloseTimeout: timeLeft(input),
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: RETRY,
    summary,
  });
}

function modelTurn(turn: number, input: RunInput): Promise<TurnResult | Held | Handed> {
  return inShare(input, (taskQueue) =>
    activitiesOn(taskQueue, `model turn ${turn + 1}`, input).modelTurn(input.runId, turn, true),
  );
}

function runTool({ id, type }: { id: string; type: string }, input: RunInput) {
  return inShare(input, (taskQueue) =>
    activitiesOn(taskQueue, `${type} ${id}`, input).runTool(input.runId, id, true),
  );
}

/** Runs the calls side by side and waits for all of them, so that none writes after the run has moved on. */
async function runTools(
  calls: { id: string; type: string }[],
  input: RunInput,
): Promise<{ kind: 'tools_done'; results: RunToolResult[] }> {
  const ended = await Promise.allSettled(calls.map((call) => runTool(call, input)));
  const failures = ended.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  if (failures.length > 0) throw failures.find(isCancellation) ?? failures[0];
  const results = ended.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  return { kind: 'tools_done', results };
}

async function waitForOutputs(
  submission: string,
  input: RunInput,
  submitted: ReadonlySet<string>,
): Promise<Results['waiting']> {
  try {
    const inTime = await waitFor(() => submitted.has(submission), submission, input);
    return { kind: inTime ? 'outputs' : 'deadline' };
  } catch (error) {
    if (!isCancellation(error)) throw error;
    return { kind: 'cancelled' };
  }
}

/** Whether the outputs arrived before the deadline. */
async function waitFor(
  arrived: () => boolean,
  submission: string,
  input: RunInput,
): Promise<boolean> {
  const left = timeLeft(input);
  const timer = { summary: `tool outputs of ${submission}` };
  if (await condition(arrived, Math.min(left, LONG_PAUSE_MS), timer)) return true;
  if (left <= LONG_PAUSE_MS) return false;
  showStatus(input, 'requires_action', `Waiting for tool outputs (step ${submission}).`);
  if (!(await condition(arrived, timeLeft(input), timer))) return false;
  showStatus(input, 'in_progress', '');
  return true;
}

/** For the signal, or until the turn is asked directly. */
async function waitForAnswer(
  { turn, ms }: OpenState<'handed'>,
  answered: Set<number>,
): Promise<Results['handed']> {
  try {
    setCurrentDetails(`Model turn ${turn + 1} waits for a batch at the model server.`);
    await condition(() => answered.has(turn), ms, { summary: `answer of turn ${turn + 1}` });
    answered.delete(turn);
    setCurrentDetails('');
    return { kind: 'go on' };
  } catch (error) {
    if (!isCancellation(error)) throw error;
    return { kind: 'cancelled' };
  }
}

function finalize(reason: RunEndReason, input: RunInput): ReturnType<Activities['finalizeRun']> {
  return CancellationScope.nonCancellable(() => finalizeRun(input.runId, reason));
}

/** On a server that did not know the attribute when the run started, writing it would stop the workflow. */
function showStatus(input: RunInput, status: RunEnd['status'], details: string): void {
  setCurrentDetails(details);
  const { typedSearchAttributes } = workflowInfo();
  if (input.v > 1 && typedSearchAttributes.get(RUN_STATUS) === undefined) return;
  upsertSearchAttributes([{ key: RUN_STATUS, value: status }]);
}

function timeLeft(input: RunInput): number {
  return Math.max(1, input.expiresAtMs - Date.now());
}

function interruptionOf(error: unknown): Interruption {
  if (isCancellation(error)) return { kind: 'cancelled' };
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_CLOSE') {
    return { kind: 'deadline' };
  }
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
