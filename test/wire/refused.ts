import { expect } from 'vitest';
import { ApiError } from '../../wire/errors/errors.ts';
import type { ApiErrorBody } from '../../wire/errors/errors.ts';

/** The error a parser answers with; fails the test when it accepts, or throws anything but an ApiError. */
export function refused(parse: () => unknown): ApiErrorBody['error'] & { status: number } {
  let accepted: unknown;
  try {
    accepted = parse();
  } catch (error) {
    if (error instanceof ApiError) {
      return { status: error.status, ...error.toJSON().error };
    }
    throw error;
  }
  return expect.fail(`accepted as ${JSON.stringify(accepted)}`);
}
