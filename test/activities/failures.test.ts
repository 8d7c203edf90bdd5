/** Which errors of an attempt are tried again. */
import type { Context } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { expect, test } from 'vitest';

import { triesOf } from '../../activities/attempt.ts';
import {
  EarlierCallError,
  ModelStreamError,
  tooManyTries,
  toFailure,
} from '../../activities/failures.ts';
import { FencedError } from '../../db/events/run-events.ts';

const tries = (attempt: number) => ({ attempt, elapsedMs: 0 });
const retried = (error: unknown, attempt = 1) => {
  const failure = toFailure(error, tries(attempt));
  return failure instanceof ApplicationFailure ? !failure.nonRetryable : failure;
};

test('a worker that shuts down hands its attempt over, and every other cancel is one', () => {
  expect(retried(new CancelledFailure('WORKER_SHUTDOWN'))).toBe(true);
  const cancelled = new CancelledFailure('CANCELLED');
  expect(retried(cancelled)).toBe(cancelled);
});

test('what costs money or was not foreseen is tried five times', () => {
  const cut = new ModelStreamError('cut', { retryable: true });
  for (const error of [cut, new Error('unforeseen')]) {
    expect([1, 4, 5, 6].map((attempt) => retried(error, attempt))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  }
  expect(retried(new ModelStreamError('final', { retryable: false }))).toBe(false);
});

test('an answer that breaks off is counted by answers, not by tries that found the server away', () => {
  const cut = (answers: number) =>
    Object.assign(new ModelStreamError('cut', { retryable: true, lost: true }), {
      lostAnswers: answers,
    });
  expect([1, 4, 5].map((answers) => retried(cut(answers), 20))).toEqual([true, true, false]);
});

test('what another attempt has taken is left to it, however often', () => {
  expect(retried(new FencedError('taken'), 50)).toBe(true);
  expect(retried(new EarlierCallError(), 50)).toBe(true);
});

test('a step that takes its worker down each time ends', () => {
  expect(tooManyTries(tries(60))).toBeUndefined();
  expect(tooManyTries(tries(61))).toMatchObject({ nonRetryable: true, type: 'server_error' });
});

test('how long a step has been tried is told by the clock of Temporal, not of this computer', () => {
  const info = {
    attempt: 6,
    scheduledTimestampMs: 1_000,
    currentAttemptScheduledTimestampMs: 31_000,
  };
  expect(triesOf({ info } as Context)).toEqual({ attempt: 6, elapsedMs: 30_000 });
});
