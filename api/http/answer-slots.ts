/**
 * Limits how many answers are made at once, or wait for their clients: each holds several times its bytes of memory. A project
 * takes half of the slots that are free, so that its large lists leave room for others.
 */
import type { Response } from 'express';

import { createShares } from '../../db/core/connection-shares.ts';
import { callerOf } from './auth.ts';

const SLOTS = 16;
/** Longest wait of an answer for a slot, in ms. After it the server answers 503 with Retry-After. */
const WAIT_MS = 5_000;
/** Bytes that the client has not read yet: a smaller answer gives its slot back at once. */
const LARGE = 64 * 1024;
/** Without a byte read, in ms. Then the connection is cut. */
const STALLED_MS = 30_000;

export type InAnswerSlot = (response: Response, answer: () => Promise<void>) => Promise<void>;

/** @throws BusyError when no slot was free in time */
export function createAnswerSlots(): InAnswerSlot {
  const take = createShares(SLOTS);
  return async (response, answer) => {
    const owner = { name: callerOf(response).project, factor: 1, ms: WAIT_MS };
    const giveBack = await take([owner]);
    try {
      await answer();
    } finally {
      if (response.destroyed || response.writableLength < LARGE) giveBack();
      else {
        response.once('close', giveBack);
        response.setTimeout(STALLED_MS, () => response.destroy());
      }
    }
  };
}
