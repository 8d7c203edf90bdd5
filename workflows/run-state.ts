/**
 * What a run does next. Pure: the workflow performs a state and feeds the outcome back.
 *
 *   model(turn) ──ended──────────────────────────────► ended
 *     │  ▲  └─────tools──► tools(turn) ──all done──┐
 *     │  │                     │ action            │
 *     │  └── model(turn + 1) ◄─┼───────────────────┘
 *     └──action──► waiting ◄───┘
 *                    └──outputs──► model(turn + 1)
 *
 *   any state ──stopped | cancelled | deadline | failed | out of turns──► finalizing ──ended──► ended
 *                                                       (resumed: the outputs came first ──► model(turn + 1))
 */
import type { FinalizeOutcome, RunEnding, ToolOutcome, TurnOutcome } from '../activities/index.ts';
import type { RunEnd } from '../wire/run-status.ts';
import type { LastError } from '../wire/types.ts';

export type RunState =
  | { at: 'model'; turn: number }
  | { at: 'tools'; turn: number; calls: { id: string; type: 'code_interpreter' | 'file_search' }[] }
  | { at: 'waiting'; turn: number; submission: string }
  | { at: 'finalizing'; turn: number; ending: RunEnding }
  | ({ at: 'ended' } & Omit<RunEnd, 'kind'>);

export type RunOutcome =
  | TurnOutcome
  | FinalizeOutcome
  /** Every call of the step has settled. */
  | { kind: 'tools_settled'; outcomes: ToolOutcome[] }
  | { kind: 'outputs' }
  | { kind: 'deadline' }
  | { kind: 'cancelled' }
  | { kind: 'failed'; error: LastError };

export const initialState: RunState = { at: 'model', turn: 0 };

/** The state after `outcome`. @throws Error for a pair that cannot occur, which stops the workflow where it is */
export function apply(state: RunState, outcome: RunOutcome, maxTurns: number): RunState {
  if (state.at === 'ended') throw impossible(state, outcome);
  switch (outcome.kind) {
    case 'ended':
      return end(outcome);
    case 'stopped':
    case 'cancelled':
      return { at: 'finalizing', turn: state.turn, ending: { status: 'cancelled' } };
    case 'deadline':
      return { at: 'finalizing', turn: state.turn, ending: expiry(state) };
    case 'failed':
      return {
        at: 'finalizing',
        turn: state.turn,
        ending: { status: 'failed', error: outcome.error },
      };
    case 'tools':
      return outcome.calls.length === 0
        ? nextTurn(state, maxTurns)
        : { at: 'tools', turn: state.turn, calls: outcome.calls };
    case 'tools_settled':
      return settle(state, outcome.outcomes, maxTurns);
    case 'action':
      return { at: 'waiting', turn: state.turn, submission: outcome.submission };
    case 'outputs':
    case 'resumed':
      return nextTurn(state, maxTurns);
  }
}

function end({ kind: _kind, ...how }: RunEnd): RunState {
  return { at: 'ended', ...how };
}

type Unended = Exclude<RunState, { at: 'ended' }>;

function nextTurn(state: Unended, maxTurns: number): RunState {
  const turn = state.turn + 1;
  if (turn < maxTurns) return { at: 'model', turn };
  return { at: 'finalizing', turn: state.turn, ending: { status: 'incomplete' } };
}

/** The strongest verdict wins: an ended run, then a stop, then a client's turn, then the next model turn. */
function settle(state: Unended, outcomes: ToolOutcome[], maxTurns: number): RunState {
  const ended = outcomes.find((outcome) => outcome.kind === 'ended');
  if (ended !== undefined) return end(ended);
  if (outcomes.some((outcome) => outcome.kind === 'stopped')) {
    return { at: 'finalizing', turn: state.turn, ending: { status: 'cancelled' } };
  }
  const action = outcomes.find((outcome) => outcome.kind === 'action');
  if (action !== undefined) {
    return { at: 'waiting', turn: state.turn, submission: action.submission };
  }
  return nextTurn(state, maxTurns);
}

/** While waiting, outputs that were stored in time win over the deadline; Postgres decides. */
function expiry(state: Unended): RunEnding {
  return state.at === 'waiting' ? { status: 'expired', waiting: true } : { status: 'expired' };
}

function impossible(state: RunState, outcome: RunOutcome): Error {
  return new Error(`A run that is ${state.at} cannot take the outcome ${outcome.kind}.`);
}
