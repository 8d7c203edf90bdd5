/**
 * A rolling update: the migrations of this checkout, then one part after the other is ended as a service manager ends it
 * and comes back with this checkout's code. Between two steps old and new work side by side.
 */
import { setTimeout as pause } from 'node:timers/promises';

import { migrate } from '../../../db/core/migrate.ts';
import type { FaultRecord } from '../evidence.ts';
import type { ChaosSystem, PartName } from '../system/system.ts';
import { terminate } from './nemesis.ts';

export type UpdateOptions = {
  system: ChaosSystem;
  /** Over which the steps are spread. */
  seconds: number;
  signal: AbortSignal;
  say: (line: string) => void;
};

/** A new worker beside an old one and old APIs, then every other mixture. */
const ORDER: readonly PartName[] = ['worker0', 'api0', 'sandboxd', 'api1', 'worker1'];

export async function runUpdate({
  system,
  seconds,
  signal,
  say,
}: UpdateOptions): Promise<FaultRecord[]> {
  const steps = ORDER.filter((name) => system.parts.has(name));
  const begunAt = Date.now();
  const untilStep = async (n: number) => {
    const at = begunAt + (n * seconds * 1_000) / (steps.length + 2);
    await pause(Math.max(0, at - Date.now()), undefined, { signal });
  };
  await untilStep(1);
  const { applied } = await migrate(system.pool);
  say(`Applied ${applied.join(', ')}.`);
  const records: FaultRecord[] = [];
  for (const [at, target] of steps.entries()) {
    await untilStep(at + 2);
    say(`Replacing ${target}.`);
    const startedAt = Date.now();
    system.former.delete(target);
    const note = await terminate(system.parts.get(target)!);
    const record = { n: at + 1, kind: 'replace', target, startedAt, endedAt: Date.now() };
    records.push(note === undefined ? record : { ...record, note });
  }
  return records;
}

/**
 * The rules know the objects of today. A version before may write some with fewer fields: those that were added since are
 * filled in, in what was stored as in what was read. The usage of a step of 0.1.0 has no details.
 */
export function withTodaysFields<T extends { data: string }>(events: T[]): T[] {
  return events.map((event) => {
    const object = JSON.parse(event.data) as { object?: string; usage?: object | null };
    const lacks = object.object === 'thread.run.step' && object.usage && !(DETAIL in object.usage);
    if (!lacks) return event;
    const usage = { ...object.usage, ...NO_DETAILS };
    return { ...event, data: JSON.stringify({ ...object, usage }) };
  });
}

const DETAIL = 'prompt_token_details';
const NO_DETAILS = {
  [DETAIL]: { cached_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 },
};
