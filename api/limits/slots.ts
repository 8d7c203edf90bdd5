/** Streams and searches at once. A slot is held until the response is closed, and renewed meanwhile. */
import { randomUUID } from 'node:crypto';

import type { Response } from 'express';

import type { Logger } from '../../config/log.ts';
import type { Pool } from '../../db/core/pool.ts';
import type { Slot, SlotKind } from '../../db/projects/slots.ts';
import { giveBackSlot, RENEW_MS, renewSlots, takeSlot } from '../../db/projects/slots.ts';
import { rateLimitReached } from '../../wire/errors/limit-errors.ts';
import type { OwnedLimit } from './owners.ts';

/** When a slot may be free is not known. */
const WAIT_MS = 1_000;

export type Slots = Disposable & {
  /** @throws ApiError 429 */
  hold(response: Response, kind: SlotKind, limits: readonly OwnedLimit[]): Promise<void>;
};

export function createSlots(pool: Pool, log: Logger): Slots {
  const held = new Set<Slot>();
  const failed = (error: unknown) => log.warn({ err: error }, 'Slots of a limit were not written');
  const timer = setInterval(() => {
    if (held.size > 0) void renewSlots(pool, [...held]).catch(failed);
  }, RENEW_MS).unref();

  const keep = (slot: Slot, response: Response) => {
    held.add(slot);
    const giveBack = () => {
      held.delete(slot);
      void giveBackSlot(pool, slot).catch(failed);
    };
    if (response.closed) giveBack();
    else response.once('close', giveBack);
  };

  return {
    async hold(response, kind, limits) {
      for (const { project, owner, limit, noun } of limits) {
        const slot = { project, owner, kind, holder: randomUUID() };
        if (!(await takeSlot(pool, { ...slot, limit }, slot.holder))) {
          const refusal = { noun, type: 'requests', limit, used: limit, waitMs: WAIT_MS } as const;
          throw rateLimitReached({ ...refusal, what: `${kind} at once` });
        }
        keep(slot, response);
      }
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
