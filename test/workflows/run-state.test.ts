import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { RunOutcome, RunState } from '../../workflows/run-state.ts';
import { apply, initialState } from '../../workflows/run-state.ts';

const MAX_TURNS = 3;
const call = { id: 'call_1', type: 'code_interpreter' as const };
const error = { code: 'server_error' as const, message: 'no' };

const STATES = {
  model: { at: 'model', turn: 0 },
  'last model': { at: 'model', turn: 2 },
  tools: { at: 'tools', turn: 0, calls: [call] },
  waiting: { at: 'waiting', turn: 0, submission: 'step_1' },
  finalizing: { at: 'finalizing', turn: 0, ending: { status: 'cancelled' } },
} as const satisfies Record<string, RunState>;

const OUTCOMES = {
  completed: { kind: 'ended', status: 'completed' },
  'ended failed': { kind: 'ended', status: 'failed', reason: 'server_error' },
  deleted: { kind: 'ended', status: 'deleted' },
  'tools to run': { kind: 'tools', calls: [call] },
  'no tools left': { kind: 'tools', calls: [] },
  action: { kind: 'action', submission: 'step_2' },
  stopped: { kind: 'stopped' },
  'all done': { kind: 'tools_settled', outcomes: [{ kind: 'done' }, { kind: 'done' }] },
  'done and action': {
    kind: 'tools_settled',
    outcomes: [{ kind: 'done' }, { kind: 'action', submission: 'step_2' }],
  },
  'action and stopped': {
    kind: 'tools_settled',
    outcomes: [{ kind: 'action', submission: 'step_2' }, { kind: 'stopped' }],
  },
  'stopped and ended': {
    kind: 'tools_settled',
    outcomes: [{ kind: 'stopped' }, { kind: 'ended', status: 'expired' }],
  },
  outputs: { kind: 'outputs' },
  resumed: { kind: 'resumed' },
  deadline: { kind: 'deadline' },
  cancelled: { kind: 'cancelled' },
  failed: { kind: 'failed', error },
} as const satisfies Record<string, RunOutcome>;

const next: RunState = { at: 'model', turn: 1 };
const cancel: RunState = { at: 'finalizing', turn: 0, ending: { status: 'cancelled' } };
const fail: RunState = { at: 'finalizing', turn: 0, ending: { status: 'failed', error } };
const expire: RunState = { at: 'finalizing', turn: 0, ending: { status: 'expired' } };
const wait: RunState = { at: 'waiting', turn: 0, submission: 'step_2' };

/** What every state but the last turn and the deadline of a waiting run has in common. */
const COMMON: Record<keyof typeof OUTCOMES, RunState> = {
  completed: { at: 'ended', status: 'completed' },
  'ended failed': { at: 'ended', status: 'failed', reason: 'server_error' },
  deleted: { at: 'ended', status: 'deleted' },
  'tools to run': { at: 'tools', turn: 0, calls: [call] },
  'no tools left': next,
  action: wait,
  stopped: cancel,
  'all done': next,
  'done and action': wait,
  'action and stopped': cancel,
  'stopped and ended': { at: 'ended', status: 'expired' },
  outputs: next,
  resumed: next,
  deadline: expire,
  cancelled: cancel,
  failed: fail,
};

const out: RunState = { at: 'finalizing', turn: 2, ending: { status: 'incomplete' } };
const TABLE: Record<keyof typeof STATES, Record<keyof typeof OUTCOMES, RunState>> = {
  model: COMMON,
  tools: COMMON,
  finalizing: COMMON,
  waiting: {
    ...COMMON,
    // Outputs that were stored before the deadline still win: Postgres decides.
    deadline: { at: 'finalizing', turn: 0, ending: { status: 'expired', waiting: true } },
  },
  'last model': {
    ...(Object.fromEntries(
      Object.entries(COMMON).map(([name, state]) => [
        name,
        'turn' in state ? { ...state, turn: 2 } : state,
      ]),
    ) as typeof COMMON),
    'no tools left': out,
    'all done': out,
    outputs: out,
    resumed: out,
  },
};

describe.each(Object.keys(STATES) as (keyof typeof STATES)[])('a run that is at %s', (state) => {
  test.each(Object.keys(OUTCOMES) as (keyof typeof OUTCOMES)[])(
    'takes the outcome: %s',
    (outcome) => {
      expect(apply(STATES[state], OUTCOMES[outcome], MAX_TURNS)).toEqual(TABLE[state][outcome]);
    },
  );
});

test.each(Object.keys(OUTCOMES) as (keyof typeof OUTCOMES)[])(
  'a run that has ended refuses: %s',
  (outcome) => {
    expect(() => apply({ at: 'ended', status: 'completed' }, OUTCOMES[outcome], MAX_TURNS)).toThrow(
      `A run that is ended cannot take the outcome ${OUTCOMES[outcome].kind}.`,
    );
  },
);

test('no sequence of outcomes takes more model turns than allowed, or forgets that it ended', () => {
  const outcomes = fc.array(fc.constantFrom(...Object.values(OUTCOMES)), { maxLength: 40 });
  fc.assert(
    fc.property(outcomes, fc.integer({ min: 1, max: 6 }), (sequence, maxTurns) => {
      let state: RunState = initialState;
      let turn = 0;
      for (const outcome of sequence) {
        if (state.at === 'ended') return;
        state = apply(state, outcome, maxTurns);
        if (state.at === 'ended') continue;
        expect(state.turn).toBeLessThan(maxTurns);
        expect(state.turn).toBeGreaterThanOrEqual(turn);
        turn = state.turn;
      }
    }),
    { numRuns: 2_000 },
  );
});
