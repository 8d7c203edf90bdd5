/**
 * What an ingest does next. Pure: the workflow performs a state and feeds the result back.
 *
 *   parsing ──embed──► embedding(0) ──embedded──► … ──► embedding(last)
 *      │                                                    │
 *      └──────ended: the last step commits the file─────────┴──► ended
 *
 *   parsing | embedding ──failed | cancelled──► finalizing ──ended──► ended
 */
import type { IngestEndReason, IngestResult } from '../activities/index.ts';
import type { VectorStoreFileError, VectorStoreFileStatus } from '../wire/types.ts';

export type IngestState =
  | { at: 'parsing' }
  | { at: 'embedding'; slice: number; slices: number }
  | { at: 'finalizing'; reason: IngestEndReason }
  | { at: 'ended'; status: VectorStoreFileStatus | 'removed' };

export type IngestEvent =
  IngestResult | { kind: 'cancelled' } | { kind: 'failed'; error: VectorStoreFileError };

export const initialState: IngestState = { at: 'parsing' };

/** The state after `event`. @throws Error for a pair that cannot occur, which stops the workflow where it is */
export function apply(state: IngestState, event: IngestEvent): IngestState {
  if (state.at === 'ended') throw impossible(state, event);
  switch (event.kind) {
    case 'ended':
      return { at: 'ended', status: event.status };
    case 'cancelled':
      return { at: 'finalizing', reason: { status: 'cancelled' } };
    case 'failed':
      return { at: 'finalizing', reason: { status: 'failed', error: event.error } };
    case 'embed':
      if (state.at !== 'parsing') throw impossible(state, event);
      return { at: 'embedding', slice: 0, slices: event.slices };
    case 'embedded':
      if (state.at !== 'embedding' || state.slice + 1 >= state.slices) {
        throw impossible(state, event);
      }
      return { ...state, slice: state.slice + 1 };
  }
}

function impossible(state: IngestState, event: IngestEvent): Error {
  return new Error(`An ingest that is ${state.at} cannot take the result ${event.kind}.`);
}
