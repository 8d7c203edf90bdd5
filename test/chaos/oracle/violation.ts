/** What a rule of the oracle is, and how rules look things up. */
import type { Evidence, SentRequest, Tables } from '../evidence.ts';

export type Violation = {
  /** The rule's letter. */
  rule: string;
  /** The run, or the object, that is concerned. */
  about: string;
  what: string;
};

/** Judges the evidence. Pure. Says what is wrong, about what. */
export type Rule = (evidence: Evidence) => Iterable<[about: string, what: string]>;

export type RunRow = Tables['runs'][number];

export function groupBy<T, K>(list: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of list) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

export function indexBy<T, K>(list: readonly T[], keyOf: (item: T) => K): Map<K, T> {
  return new Map(list.map((item) => [keyOf(item), item]));
}

/** All tries at one operation, in their order. */
export type Tried = { op: string; first: SentRequest; tries: SentRequest[] };

export function operations({ requests }: Evidence): Tried[] {
  const writes = requests.filter(({ kind }) => kind !== 'read');
  return [...groupBy(writes, ({ op }) => op)].map(([op, tries]) => ({
    op,
    first: tries[0]!,
    tries,
  }));
}

/** Some try was answered with success. */
export function isAcknowledged({ tries }: Tried): boolean {
  return tries.some(({ status }) => status === 200);
}

/** 503 says that the database could not be reached, perhaps only after the commit. */
export function isUnknown({ status }: SentRequest): boolean {
  return status === null || status === 503;
}

const ENDED = new Set(['completed', 'failed', 'cancelled', 'incomplete', 'expired']);

export function hasEnded(status: string): boolean {
  return ENDED.has(status);
}
