/** Seeded vectors and texts that look like embeddings and prose to a search. Pure. */

export const DIMENSIONS = 256;
const TOPICS = 1_000;
/** How far a text is from its topic, and a query from its text. */
const TEXT_NOISE = 0.8;
const QUERY_NOISE = 0.6;
const VOCABULARY = 30_000;

export type Random = () => number;

/** Mulberry32: 32 bits of state are plenty here. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Vectors around a thousand topics. Their variance falls off as that of real embeddings does, by a power of the
 * component's number, and a rotation spreads it over all dimensions.
 */
export class VectorSource {
  readonly #random: Random;
  readonly #signs: number[];
  readonly #topics: Float32Array[];

  constructor(random: Random) {
    this.#random = random;
    this.#signs = Array.from({ length: DIMENSIONS }, () => (random() < 0.5 ? -1 : 1));
    this.#topics = Array.from({ length: TOPICS }, () => this.#normal());
  }

  text(): Float32Array {
    return this.#near(this.#topics[Math.floor(this.#random() * TOPICS)]!, TEXT_NOISE);
  }

  query(text: Float32Array): Float32Array {
    return this.#near(text, QUERY_NOISE * Math.hypot(...text));
  }

  /** Of length 1, turned. */
  finish(vector: Float32Array): Float32Array {
    const turned = rotate(vector.map((value, at) => value * this.#signs[at]!));
    const length = Math.hypot(...turned);
    return turned.map((value) => value / length);
  }

  #near(centre: Float32Array, noise: number): Float32Array {
    const own = this.#normal();
    return centre.map((value, at) => value + noise * own[at]!);
  }

  #normal(): Float32Array {
    return Float32Array.from(
      { length: DIMENSIONS },
      (_, at) => gauss(this.#random) / (at + 1) ** 0.5,
    );
  }
}

function gauss(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Walsh-Hadamard: orthogonal, and every component comes to lie in all dimensions. */
function rotate(vector: Float32Array): Float32Array {
  const out = vector.slice();
  for (let half = 1; half < out.length; half *= 2) {
    for (let start = 0; start < out.length; start += 2 * half) {
      for (let at = start; at < start + half; at++) {
        const [a, b] = [out[at]!, out[at + half]!];
        out[at] = a + b;
        out[at + half] = a - b;
      }
    }
  }
  return out;
}

/** Words that occur as often as words do: the n-th commonest in proportion to 1/n. */
export function zipfWords(random: Random, count: number): string[] {
  return Array.from({ length: count }, () =>
    toWord(Math.floor(Math.exp(random() * Math.log(VOCABULARY)))),
  );
}

/** The commonest words of `zipfWords`. */
export function commonWords(count: number): string[] {
  return Array.from({ length: count }, (_, rank) => toWord(rank + 1));
}

/** Like a stem: nothing that English endings would be cut from. */
function toWord(rank: number): string {
  const consonants = 'bdfgklmnprtvz';
  let word = '';
  for (let rest = rank + 13; rest > 0; rest = Math.floor(rest / 39)) {
    word += `${consonants[rest % 13]!}${'aou'[Math.floor(rest / 13) % 3]!}`;
  }
  return `${word}k`;
}
