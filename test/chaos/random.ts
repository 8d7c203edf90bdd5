/** Seeded chance: the same seed and label make the same choices, on every platform. */
export type Random = {
  /** From 0 up to 1. */
  next(): number;
  /** A whole number, both ends included. */
  integer(from: number, to: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** In proportion to the weights. */
  weighted<T extends string>(weights: Readonly<Record<T, number>>): T;
  shuffled<T>(list: readonly T[]): T[];
  /** A source of its own, which does not disturb this one. */
  fork(label: string): Random;
};

export function seeded(seed: number, label = ''): Random {
  const next = mulberry32(hash(`${seed}/${label}`));
  const integer = (from: number, to: number) => from + Math.floor(next() * (to - from + 1));
  return {
    next,
    integer,
    chance: (probability) => next() < probability,
    pick: (from) => from[integer(0, from.length - 1)]!,
    weighted: (weights) => pickWeighted(weights, next()),
    shuffled: (list) => shuffle([...list], integer),
    fork: (more) => seeded(seed, `${label}/${more}`),
  };
}

function pickWeighted<T extends string>(weights: Readonly<Record<T, number>>, at: number): T {
  const entries = Object.entries(weights) as [T, number][];
  let left = at * entries.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [name, weight] of entries) {
    left -= weight;
    if (left < 0) return name;
  }
  return entries.at(-1)![0];
}

function shuffle<T>(list: T[], integer: (from: number, to: number) => number): T[] {
  for (let at = list.length - 1; at > 0; at--) {
    const other = integer(0, at);
    [list[at], list[other]] = [list[other]!, list[at]!];
  }
  return list;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  }
  return value >>> 0;
}

function mulberry32(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
