/** A finish reason and the turn's calls → how the turn ends. Pure. */
import type { IncompleteReason } from '../../../wire/types.ts';
import { ModelStreamError } from '../../failures.ts';

type TurnStatus =
  | { status: 'completed' }
  | { status: 'in_progress' }
  | { status: 'requires_action' }
  | { status: 'incomplete'; reason: 'max_completion_tokens' }
  | { status: 'failed'; error: { code: 'server_error'; message: string } };

/** `incomplete` is the reason to give an open message that did not end by itself. */
export type AnswerEnd = { end: TurnStatus; incomplete: IncompleteReason | null };

export type Finish = 'stop' | 'length' | 'filter' | 'error';

/** What servers say, without case and punctuation: OpenAI, Anthropic, Gemini, Mistral, DeepSeek, Zhipu, TGI, Cohere. */
const WORDS: Record<Finish, string[]> = {
  stop: [
    'stop',
    'toolcalls',
    'toolcall',
    'tooluse',
    'functioncall',
    'endturn',
    'stopsequence',
    'eos',
    'eostoken',
    'complete',
    'completed',
    'done',
    'finish',
    'finished',
  ],
  length: ['length', 'maxtokens', 'modellength', 'maxlength', 'maxoutputtokens', 'contextlength'],
  filter: ['contentfilter', 'safety', 'recitation', 'blocklist', 'spii', 'sensitive', 'refusal'],
  error: [
    'error',
    'insufficientsystemresource',
    'abort',
    'aborted',
    'cancelled',
    'networkerror',
    'malformedfunctioncall',
  ],
};

/** A word that no list has is judged by what it is made of; otherwise it is a server's own way to say stop. */
export function finishOf(word: string): Finish {
  const plain = word.toLowerCase().replace(/[^a-z]/g, '');
  for (const [finish, words] of Object.entries(WORDS) as [Finish, string[]][]) {
    if (words.includes(plain)) return finish;
  }
  if (/length|max|limit|trunc|window|budget/.test(plain)) return 'length';
  if (/filter|safety|block|moderat|prohibit|sensitiv|policy|guardrail|refus/.test(plain)) {
    return 'filter';
  }
  return /error|fail|abort|cancel|timeout|overload|resource|exceed|malform|unexpected/.test(plain)
    ? 'error'
    : 'stop';
}

type Call = { type: string; result: unknown };

/**
 * Servers say `stop` for a call that was forced by tool_choice, so the calls decide, not the word. A call that has its
 * result was refused: the model is told.
 * @throws ModelStreamError when the server says that it failed
 */
export function endOfAnswer(finish: Finish, calls: Call[]): AnswerEnd {
  switch (finish) {
    case 'length':
      return {
        end: { status: 'incomplete', reason: 'max_completion_tokens' },
        incomplete: 'max_tokens',
      };
    case 'filter': {
      const message = 'The model stopped because of its content filter.';
      return {
        end: { status: 'failed', error: { code: 'server_error', message } },
        incomplete: 'content_filter',
      };
    }
    case 'error':
      throw new ModelStreamError('The model server ended the answer with an error.', {
        retryable: true,
      });
    case 'stop': {
      if (calls.length === 0) return { end: { status: 'completed' }, incomplete: null };
      const open = calls.filter(({ result }) => result === null);
      const waits = open.length > 0 && open.every(({ type }) => type === 'function');
      return { end: { status: waits ? 'requires_action' : 'in_progress' }, incomplete: null };
    }
  }
}
