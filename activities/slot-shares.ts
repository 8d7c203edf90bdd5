/**
 * The activity slots of a worker, shared out to projects: a turn or tool call beyond its project's share moves to the queue of
 * crowded projects, which has slots of its own, so that a slot is free for the next project.
 */
import { currentScope } from '../db/core/row-scope.ts';
import type { LinePace } from './batches/line-pace.ts';

/** Slots that a project may have for each that is free: one project alone gets four fifths. */
const SHARE = 4;

/** Those of the queue of crowded projects. A project alone has these and its share of the worker's, together `slots`. */
export const crowdedSlots = (slots: number) => Math.max(1, Math.floor(slots / (SHARE + 1)));

/** The result of an activity that has done nothing: the workflow asks for it again on the queue of crowded projects. */
export type Crowded = { kind: 'crowded' };

/** `mayMove`: to the queue of crowded projects. */
export type Place = { mayMove: boolean; isLine: boolean };

/** Does the work of a line when it is its turn, and other work in a slot of its project. */
export async function inPlace<T>(
  { slots, pace }: { slots: SlotShares; pace: LinePace },
  { mayMove, isLine }: Place,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T | Crowded> {
  if (isLine) await pace.begin(signal);
  else pace.sawOther();
  return slots.hold(mayMove, work);
}

export class SlotShares {
  readonly #held = new Map<string, number>();
  #free: number;

  constructor(slots: number) {
    this.#free = slots;
  }

  /**
   * Does the work in a slot of its project. The more projects want slots, the less each gets, and something stays free for a new
   * one. What may not move is not counted: it has other slots, or a workflow of an earlier version.
   */
  async hold<T>(
    mayMove: boolean,
    work: () => Promise<T>,
    sharer: string = currentScope() ?? '',
  ): Promise<T | Crowded> {
    if (!mayMove) return work();
    const held = this.#held.get(sharer) ?? 0;
    const hasRoom = held === 0 || (held < SHARE * this.#free && this.#free > 1);
    if (!hasRoom) return { kind: 'crowded' };
    this.#move(sharer, 1);
    return work().finally(() => this.#move(sharer, -1));
  }

  #move(sharer: string, by: 1 | -1): void {
    const held = (this.#held.get(sharer) ?? 0) + by;
    this.#free -= by;
    if (held === 0) this.#held.delete(sharer);
    else this.#held.set(sharer, held);
  }
}
