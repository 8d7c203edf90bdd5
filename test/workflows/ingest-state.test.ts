import { describe, expect, test } from 'vitest';

import type { IngestEvent, IngestState } from '../../workflows/ingest-state.ts';
import { apply, initialState } from '../../workflows/ingest-state.ts';

const error = { code: 'invalid_file' as const, message: 'no' };

const STATES = {
  parsing: { at: 'parsing' },
  'first slice': { at: 'embedding', slice: 0, slices: 2 },
  'last slice': { at: 'embedding', slice: 1, slices: 2 },
  finalizing: { at: 'finalizing', reason: { status: 'cancelled' } },
} as const satisfies Record<string, IngestState>;

const EVENTS = {
  completed: { kind: 'ended', status: 'completed' },
  removed: { kind: 'ended', status: 'removed' },
  embed: { kind: 'embed', slices: 2 },
  embedded: { kind: 'embedded' },
  cancelled: { kind: 'cancelled' },
  failed: { kind: 'failed', error },
} as const satisfies Record<string, IngestEvent>;

/** Whatever the state; what is not here cannot occur. */
const COMMON: Partial<Record<keyof typeof EVENTS, IngestState>> = {
  completed: { at: 'ended', status: 'completed' },
  removed: { at: 'ended', status: 'removed' },
  cancelled: { at: 'finalizing', reason: { status: 'cancelled' } },
  failed: { at: 'finalizing', reason: { status: 'failed', error } },
};

const TABLE: Record<keyof typeof STATES, Partial<Record<keyof typeof EVENTS, IngestState>>> = {
  parsing: { ...COMMON, embed: { at: 'embedding', slice: 0, slices: 2 } },
  'first slice': { ...COMMON, embedded: { at: 'embedding', slice: 1, slices: 2 } },
  'last slice': COMMON,
  finalizing: COMMON,
};

const PAIRS = Object.keys(STATES).flatMap((state) =>
  Object.keys(EVENTS).map((event) => [state, event] as [keyof typeof STATES, keyof typeof EVENTS]),
);

describe('every state with every result', () => {
  test.each(PAIRS)('%s, %s', (state, event) => {
    const next = TABLE[state][event];
    const move = () => apply(STATES[state], EVENTS[event]);
    if (next === undefined) expect(move).toThrow('cannot take the result');
    else expect(move()).toEqual(next);
  });
});

test('begins with parsing, and nothing follows the end', () => {
  expect(initialState).toEqual({ at: 'parsing' });
  const ended: IngestState = { at: 'ended', status: 'completed' };
  for (const event of Object.values(EVENTS)) expect(() => apply(ended, event)).toThrow();
});
