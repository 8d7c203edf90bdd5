/** What the model is shown, what is found again, and what must not be written down. */
import type { Mutation } from '../mutation.ts';
import { by, edit } from '../mutation.ts';

const HISTORY = 'test/durability/history-content.test.ts';
const LOG = 'test/start/log.test.ts';

export const TEXTS: Mutation[] = [
  {
    id: 'one-message-too-many-dropped',
    why: 'A message is left out although there was room for exactly it.',
    edits: [
      edit(
        'activities/turn/fit-context.ts',
        `while (total > budget && newest.length > 1)`,
        `while (total >= budget && newest.length > 1)`,
      ),
    ],
    caughtBy: [
      by(
        'test/activities/fit-context.test.ts',
        'keeps $kept of sizes 10, 20, 20, 20 in a budget of $budget: $why',
      ),
    ],
  },
  {
    id: 'window-one-message-short',
    why: 'A message is left out although there was room for exactly it.',
    edits: [
      edit(
        'db/threads/messages.ts',
        `where (total <= $3::bigint or number = 1)`,
        `where (total < $3::bigint or number = 1)`,
      ),
    ],
    caughtBy: [
      by(
        'test/db/window.test.ts',
        'starts at message $start of sizes 10, 20, 20, 10 with a budget of $budget because $why',
      ),
    ],
  },
  {
    id: 'later-messages-shown',
    why: 'A run answers what was written after it began.',
    edits: [
      edit(
        'db/threads/messages.ts',
        `           where thread_id = $1 and seq <= $2 and`,
        `           where thread_id = $1 and $2::integer > 0 and`,
      ),
    ],
    caughtBy: [by('test/db/window.test.ts', 'ignores messages that came after the run began')],
  },
  {
    id: 'overlap-one-token-short',
    why: 'Chunks overlap by less than what a store was made with.',
    edits: [
      edit(
        'retrieval/chunk-text.ts',
        `Math.max(cutAt.tokens - overlapTokens, next.tokens - maxTokens)`,
        `Math.max(cutAt.tokens - overlapTokens + 1, next.tokens - maxTokens)`,
      ),
    ],
    caughtBy: [
      by(
        'test/retrieval/chunk-text.test.ts',
        'words of one token overlap by exactly what is asked for',
      ),
    ],
  },
  {
    id: 'answers-in-the-history',
    why: 'Operators read in the Temporal UI what models wrote.',
    edits: [
      edit(
        'db/turns/finish-turn.ts',
        `    const result = resultOf(end, run, stepId);`,
        `    const result = { ...resultOf(end, run, stepId), answer: end.message?.content };`,
      ),
    ],
    caughtBy: [
      by(
        HISTORY,
        'the history of a run that calls functions has no arguments, outputs, questions or answers',
      ),
    ],
  },
  {
    id: 'code-in-the-history',
    why: 'Operators read in the Temporal UI the code that models wrote.',
    edits: [
      edit(
        'db/turns/finish-turn.ts',
        `[{ id: call.id, type: call.type }]`,
        `[{ id: call.id, type: call.type, code: call.input }]`,
      ),
    ],
    caughtBy: [
      by(HISTORY, 'the history of a run that runs code has neither the code nor its outputs'),
    ],
  },
  {
    id: 'secret-fields-logged',
    why: 'Keys and passwords stand in the log.',
    edits: [
      edit('config/log.ts', `    redact: { paths: SECRET_FIELDS, censor: '[redacted]' },\n`, ``),
    ],
    caughtBy: [by(LOG, 'fields that hold secrets are cut out, at the top and below it')],
  },
  {
    id: 'secrets-of-errors-logged',
    why: 'An error that quotes a connection string puts its password into the log.',
    edits: [edit('config/log.ts', `    serializers: { err: withoutSecrets },\n`, ``)],
    caughtBy: [by(LOG, 'an error that quotes a key or a connection string is told without it')],
  },
];
