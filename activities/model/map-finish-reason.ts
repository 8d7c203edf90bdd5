/** A chat completion's finish_reason and calls → how the turn ends. Pure. */
import type { IncompleteReason } from '../../wire/types.ts';
import type { FinishReason } from './accumulate-chunks.ts';

type TurnStatus =
  | { status: 'completed' }
  | { status: 'in_progress' }
  | { status: 'requires_action' }
  | { status: 'incomplete'; reason: 'max_completion_tokens' }
  | { status: 'failed'; error: { code: 'server_error'; message: string } };

/** `incomplete` is the reason to give an open message that did not end by itself. */
export type Verdict = { end: TurnStatus; incomplete: IncompleteReason | null };

/** Servers say `stop` for a call that was forced by tool_choice, so the calls decide, not the word. */
export function verdictOf(reason: FinishReason, calls: { type: string }[]): Verdict {
  if (reason === 'length') {
    return {
      end: { status: 'incomplete', reason: 'max_completion_tokens' },
      incomplete: 'max_tokens',
    };
  }
  if (reason === 'content_filter') {
    const message = 'The model stopped because of its content filter.';
    return {
      end: { status: 'failed', error: { code: 'server_error', message } },
      incomplete: 'content_filter',
    };
  }
  if (calls.length === 0) return { end: { status: 'completed' }, incomplete: null };
  const builtIn = calls.some((call) => call.type !== 'function');
  return { end: { status: builtIn ? 'in_progress' : 'requires_action' }, incomplete: null };
}
