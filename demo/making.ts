/** What is known while the arguments of a function call are being made. */
import type { Hints } from './hints.ts';
import type { JsonSchema } from './request.ts';

export type Making = {
  root: JsonSchema;
  /** Consumed as values are taken. */
  hints: Hints;
  depth: number;
  /** Counts values that came from the question; an optional property is given only when it has one. */
  taken: number;
  /** Distinguishes the items of an array. */
  variant: number;
  /** Choices of an enum that were found in the question and given. */
  mentioned: Set<unknown>;
};
