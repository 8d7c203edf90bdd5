/**
 * What a run does next. Pure: the workflow performs a state and feeds the result back.
 *
 *   model(turn) ──ended──────────────────────────────► ended
 *     │  ▲  └─────tools──► tools(turn) ──all done──┐
 *     │  │                     │ action            │
 *     │  └── model(turn + 1) ◄─┼───────────────────┘
 *     ├──action──► waiting ◄───┘
 *     │              └──outputs──► model(turn + 1)
 *     └──handed──► handed(turn) ──answered or late──► model(turn)
 *
 *   model, tools ──stopped | cancelled | deadline | failed──► finalizing ──ended──► ended
 *   handed ────────cancelled────────────────────────────────► finalizing ──ended──► ended
 *   waiting ───────cancelled | deadline─────────────────────► finalizing ──resumed: the outputs came first──► model(turn + 1)
 *   out of turns ───────────────────────────────────────────► finalizing
 */
import type {
  FinalizeResult,
  Handed,
  RunEndReason,
  RunToolResult,
  TurnResult,
} from '../activities/index.ts';
import type { RunEnd } from '../wire/run-status.ts';
import type { LastError } from '../wire/types.ts';

type States = {
  model: { turn: number };
  tools: { turn: number; calls: { id: string; type: 'code_interpreter' | 'file_search' }[] };
  waiting: { turn: number; submission: string };
  /** The request waits for its answer in a batch at the model server, `ms` at the most. */
  handed: { turn: number; ms: number };
  finalizing: { turn: number; reason: RunEndReason };
};
type At = keyof States;

/** A state in which there is something to do. */
export type OpenState<K extends At = At> = { [Key in K]: { at: Key } & States[Key] }[K];
export type RunState = OpenState | ({ at: 'ended' } & Omit<RunEnd, 'kind'>);

/** What ends an activity from outside. */
export type Interruption =
  { kind: 'deadline' } | { kind: 'cancelled' } | { kind: 'failed'; error: LastError };

/** The results that each state can have. */
export type Results = {
  model: TurnResult | Handed | Interruption;
  /** Every call of the step has its result. */
  tools: { kind: 'tools_done'; results: RunToolResult[] } | Interruption;
  waiting: { kind: 'outputs' } | { kind: 'deadline' } | { kind: 'cancelled' };
  /** The activity finds in PostgreSQL whether there is an answer. */
  handed: { kind: 'go on' } | { kind: 'cancelled' };
  finalizing: FinalizeResult;
};

type Transition<K extends At> = (
  state: OpenState<K>,
  result: Results[K],
  maxTurns: number,
) => RunState;

const TRANSITIONS: { [K in At]: Transition<K> } = {
  model: afterModel,
  tools: afterTools,
  waiting: afterWaiting,
  handed: afterHanded,
  finalizing: afterFinalizing,
};

export const initialState: RunState = { at: 'model', turn: 0 };

/** The state after `result`. @throws Error for a pair that cannot occur, which stops the workflow where it is */
export function apply<K extends At>(
  state: OpenState<K>,
  result: Results[K],
  maxTurns: number,
): RunState {
  const transition: Transition<K> = TRANSITIONS[state.at];
  return transition(state, result, maxTurns);
}

function afterModel(
  state: OpenState<'model'>,
  result: Results['model'],
  maxTurns: number,
): RunState {
  switch (result.kind) {
    case 'ended':
      return end(result);
    case 'stopped':
      return cancel(state);
    case 'tools':
      return result.calls.length === 0
        ? nextTurn(state, maxTurns)
        : { at: 'tools', turn: state.turn, calls: result.calls };
    case 'action':
      return { at: 'waiting', turn: state.turn, submission: result.submission };
    case 'handed':
      return { at: 'handed', turn: state.turn, ms: result.ms };
    default:
      return afterInterruption(state, result);
  }
}

/** The strongest result wins: an ended run, then a stop, then a client's turn, then the next model turn. */
function afterTools(
  state: OpenState<'tools'>,
  result: Results['tools'],
  maxTurns: number,
): RunState {
  if (result.kind !== 'tools_done') return afterInterruption(state, result);
  const { results } = result;
  const ended = results.find((each) => each.kind === 'ended');
  if (ended !== undefined) return end(ended);
  if (results.some((each) => each.kind === 'stopped')) return cancel(state);
  const action = results.find((each) => each.kind === 'action');
  if (action !== undefined) {
    return { at: 'waiting', turn: state.turn, submission: action.submission };
  }
  return nextTurn(state, maxTurns);
}

/** Outputs that were stored in time win over the deadline; Postgres decides. */
function afterWaiting(
  state: OpenState<'waiting'>,
  result: Results['waiting'],
  maxTurns: number,
): RunState {
  switch (result.kind) {
    case 'outputs':
      return nextTurn(state, maxTurns);
    case 'deadline':
      return finalizing(state, { status: 'expired', waiting: true });
    case 'cancelled':
      return cancel(state);
    default:
      throw impossible(state, result);
  }
}

function afterHanded(state: OpenState<'handed'>, result: Results['handed']): RunState {
  switch (result.kind) {
    case 'go on':
      return { at: 'model', turn: state.turn };
    case 'cancelled':
      return cancel(state);
    default:
      throw impossible(state, result);
  }
}

function afterFinalizing(
  state: OpenState<'finalizing'>,
  result: Results['finalizing'],
  maxTurns: number,
): RunState {
  switch (result.kind) {
    case 'ended':
      return end(result);
    case 'resumed':
      return nextTurn(state, maxTurns);
    default:
      throw impossible(state, result);
  }
}

function afterInterruption(state: OpenState, result: Interruption): RunState {
  switch (result.kind) {
    case 'cancelled':
      return cancel(state);
    case 'deadline':
      return finalizing(state, { status: 'expired' });
    case 'failed':
      return finalizing(state, { status: 'failed', error: result.error });
    default:
      throw impossible(state, result);
  }
}

function end({ kind: _kind, ...how }: RunEnd): RunState {
  return { at: 'ended', ...how };
}

function finalizing({ turn }: OpenState, reason: RunEndReason): RunState {
  return { at: 'finalizing', turn, reason };
}

function cancel(state: OpenState): RunState {
  return finalizing(state, { status: 'cancelled' });
}

function nextTurn(state: OpenState, maxTurns: number): RunState {
  const turn = state.turn + 1;
  if (turn < maxTurns) return { at: 'model', turn };
  return finalizing(state, { status: 'incomplete' });
}

/** The compiler rules such a pair out; a history of other code may still bring one. */
function impossible(state: OpenState, result: never): Error {
  const { kind } = result as { kind: string };
  return new Error(`A run that is ${state.at} cannot take the result ${kind}.`);
}
