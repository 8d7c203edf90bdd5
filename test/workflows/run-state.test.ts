import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { OpenState, Results, RunState } from '../../workflows/run-state.ts';
import { apply, initialState } from '../../workflows/run-state.ts';

const MAX_TURNS = 3;
const call = { id: 'call_1', type: 'code_interpreter' as const };
type AnyResult = Results[keyof Results];
const error = { code: 'server_error' as const, message: 'no' };

/** Also pairs that do not compile: histories are not compiled. */
function applyAny(state: RunState, result: AnyResult, maxTurns = MAX_TURNS): RunState {
  return apply(state as OpenState, result as never, maxTurns);
}

const STATES = {
  model: { at: 'model', turn: 0 },
  tools: { at: 'tools', turn: 0, calls: [call] },
  waiting: { at: 'waiting', turn: 0, submission: 'step_1' },
  handed: { at: 'handed', turn: 0, ms: 1_000 },
  finalizing: { at: 'finalizing', turn: 0, reason: { status: 'cancelled' } },
} satisfies Record<string, RunState>;

const RESULTS = {
  completed: { kind: 'ended', status: 'completed' },
  'ended failed': { kind: 'ended', status: 'failed', reason: 'server_error' },
  deleted: { kind: 'ended', status: 'deleted' },
  'tools to run': { kind: 'tools', calls: [call] },
  'no tools left': { kind: 'tools', calls: [] },
  action: { kind: 'action', submission: 'step_2' },
  stopped: { kind: 'stopped' },
  handed: { kind: 'handed', ms: 5 },
  'go on': { kind: 'go on' },
  'all done': { kind: 'tools_done', results: [{ kind: 'done' }, { kind: 'done' }] },
  'done and action': {
    kind: 'tools_done',
    results: [{ kind: 'done' }, { kind: 'action', submission: 'step_2' }],
  },
  'action and stopped': {
    kind: 'tools_done',
    results: [{ kind: 'action', submission: 'step_2' }, { kind: 'stopped' }],
  },
  'stopped and ended': {
    kind: 'tools_done',
    results: [{ kind: 'stopped' }, { kind: 'ended', status: 'expired' }],
  },
  outputs: { kind: 'outputs' },
  resumed: { kind: 'resumed' },
  deadline: { kind: 'deadline' },
  cancelled: { kind: 'cancelled' },
  failed: { kind: 'failed', error },
} satisfies Record<string, AnyResult>;

const next: RunState = { at: 'model', turn: 1 };
const cancel: RunState = { at: 'finalizing', turn: 0, reason: { status: 'cancelled' } };
const fail: RunState = { at: 'finalizing', turn: 0, reason: { status: 'failed', error } };
const expire: RunState = { at: 'finalizing', turn: 0, reason: { status: 'expired' } };
const wait: RunState = { at: 'waiting', turn: 0, submission: 'step_2' };

type Row = Partial<Record<keyof typeof RESULTS, RunState>>;
const INTERRUPTED: Row = { deadline: expire, cancelled: cancel, failed: fail };
const MODEL: Row = {
  completed: { at: 'ended', status: 'completed' },
  'ended failed': { at: 'ended', status: 'failed', reason: 'server_error' },
  deleted: { at: 'ended', status: 'deleted' },
  'tools to run': { at: 'tools', turn: 0, calls: [call] },
  'no tools left': next,
  action: wait,
  stopped: cancel,
  handed: { at: 'handed', turn: 0, ms: 5 },
  ...INTERRUPTED,
};

/** What is not named cannot occur. */
const TABLE: Record<keyof typeof STATES, Row> = {
  model: MODEL,
  tools: {
    'all done': next,
    'done and action': wait,
    'action and stopped': cancel,
    'stopped and ended': { at: 'ended', status: 'expired' },
    ...INTERRUPTED,
  },
  waiting: {
    outputs: next,
    // Outputs that were stored before the deadline still win: Postgres decides.
    deadline: { at: 'finalizing', turn: 0, reason: { status: 'expired', waiting: true } },
    cancelled: cancel,
  },
  handed: { 'go on': { at: 'model', turn: 0 }, cancelled: cancel },
  finalizing: {
    completed: { at: 'ended', status: 'completed' },
    'ended failed': { at: 'ended', status: 'failed', reason: 'server_error' },
    deleted: { at: 'ended', status: 'deleted' },
    resumed: next,
  },
};

const NAMES = Object.keys(RESULTS) as (keyof typeof RESULTS)[];

describe.each(Object.keys(STATES) as (keyof typeof STATES)[])('a run that is at %s', (at) => {
  test.each(NAMES.filter((name) => TABLE[at][name] !== undefined))(
    'takes the result: %s',
    (name) => {
      expect(applyAny(STATES[at], RESULTS[name])).toEqual(TABLE[at][name]);
    },
  );

  test.each(NAMES.filter((name) => TABLE[at][name] === undefined))(
    'cannot take the result: %s',
    (name) => {
      expect(() => applyAny(STATES[at], RESULTS[name])).toThrow(
        `A run that is ${at} cannot take the result ${RESULTS[name].kind}.`,
      );
    },
  );
});

test('a pair that cannot occur does not compile', () => {
  const { model, tools, waiting, finalizing } = STATES;
  // @ts-expect-error a model's turn waits for no outputs
  expect(() => apply(model, RESULTS.outputs, MAX_TURNS)).toThrow();
  // @ts-expect-error nothing but the end of all calls ends a step of tools
  expect(() => apply(tools, RESULTS.action, MAX_TURNS)).toThrow();
  // @ts-expect-error a run that waits starts nothing that could fail
  expect(() => apply(waiting, RESULTS.failed, MAX_TURNS)).toThrow();
  // @ts-expect-error a run that is finalized runs no tools
  expect(() => apply(finalizing, RESULTS['tools to run'], MAX_TURNS)).toThrow();
});

test.each([
  ['model', 'no tools left'],
  ['tools', 'all done'],
  ['waiting', 'outputs'],
  ['finalizing', 'resumed'],
] as const)('after the last turn a run that is at %s is incomplete: %s', (at, name) => {
  const state = { ...STATES[at], turn: MAX_TURNS - 1 };
  const reason = { status: 'incomplete' };
  expect(applyAny(state, RESULTS[name])).toEqual({ at: 'finalizing', turn: 2, reason });
});

test('no sequence of results takes more model turns than allowed', () => {
  const choices = fc.array(fc.nat(), { maxLength: 40 });
  fc.assert(
    fc.property(choices, fc.integer({ min: 1, max: 6 }), (sequence, maxTurns) => {
      let state: RunState = initialState;
      let turn = 0;
      for (const choice of sequence) {
        if (state.at === 'ended') return;
        const possible = Object.keys(TABLE[state.at]) as (keyof typeof RESULTS)[];
        state = applyAny(state, RESULTS[possible[choice % possible.length]!], maxTurns);
        if (state.at === 'ended') return;
        expect(state.turn).toBeLessThan(maxTurns);
        expect(state.turn).toBeGreaterThanOrEqual(turn);
        turn = state.turn;
      }
    }),
    { numRuns: 2_000 },
  );
});
