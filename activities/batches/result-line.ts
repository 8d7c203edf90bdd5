/** A line of an output or error file. */
import type { LineResult } from '../../db/batches/results.ts';
import { mintId } from '../../wire/ids.ts';
import type { BatchRow } from '../../wire/rows.ts';
import type { LastError } from '../../wire/types.ts';

type Failure = { code: string; message: string };

export type ResultLine = {
  id: string;
  custom_id: string;
  response: { status_code: number; request_id: string; body: unknown } | null;
  error: Failure | null;
};

/** What a request would have been answered, had it failed for this reason. */
const STATUSES = {
  server_error: 500,
  rate_limit_exceeded: 429,
  invalid_prompt: 400,
} as const satisfies Record<LastError['code'], number>;

/** Whether the line belongs into the output file. */
export function isAnswered({ state, run, response, resumed }: LineResult): boolean {
  const stored = resumed !== null || run !== null || response?.status_code !== undefined;
  return state === 'completed' && stored;
}

export function resultLine(result: LineResult, ending: BatchRow['ending']): ResultLine {
  const { custom_id, run, response, state } = result;
  const id = `batch_${mintId('request')}`;
  const error = errorOf(result, ending);
  if (run !== null && (state === 'completed' || state === 'failed')) {
    const status_code = isAnswered(result) ? 200 : STATUSES[run.last_error?.code ?? 'server_error'];
    return { id, custom_id, response: { status_code, request_id: run.id, body: run }, error };
  }
  if (response?.status_code === undefined) return { id, custom_id, response: null, error };
  const { status_code, body } = response;
  return { id, custom_id, response: { status_code, request_id: id, body }, error: null };
}

const DELETED: Failure = {
  code: 'run_deleted',
  message: 'The run was deleted with its thread.',
};

/** As hosted for the lines that an expired batch leaves; the other texts are ours. */
function errorOf(result: LineResult, ending: BatchRow['ending']): Failure | null {
  const { state, run, response } = result;
  switch (state) {
    case 'completed':
      return isAnswered(result) ? null : DELETED;
    case 'failed':
      return run === null ? (response?.error ?? DELETED) : failureOf(run);
    default:
      return ending === null ? CANCELLED_RUN : UNFINISHED[ending];
  }
}

function failureOf({ last_error, status }: NonNullable<LineResult['run']>): Failure {
  return last_error ?? { code: `run_${status}`, message: `The run ended with status '${status}'.` };
}

const CANCELLED_RUN: Failure = { code: 'run_cancelled', message: 'The run was cancelled.' };

const UNFINISHED: Record<NonNullable<BatchRow['ending']>, Failure> = {
  expired: {
    code: 'batch_expired',
    message: 'This request could not be executed before the completion window expired.',
  },
  cancelled: {
    code: 'batch_cancelled',
    message: 'This request could not be executed before the batch was cancelled.',
  },
};
