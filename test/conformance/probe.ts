/** Values that try one field: what the description allows has to be accepted, and everything else refused. */
import type { Published } from './published.ts';
import type { Field } from './request-fields.ts';
import { samples } from './samples.ts';

/** The value of a field that is not sent. */
const LEFT_OUT = undefined;

/** `refused` is the code of the error that is due; undefined: the value is allowed. */
export type Probe = { what: string; value: unknown; refused?: string };

/** Longer lists than this are not sent: no request has room for them. */
const LONGEST = 10_000;

export function* probesOf({ required, nullable, members }: Field): Generator<Probe> {
  const wrongType = { refused: 'invalid_type' };
  const kinds = new Set(members.map(({ type }) => type));
  const other = kinds.has('boolean') ? 'true' : true;
  if (required !== undefined) yield { what: 'left out', value: LEFT_OUT, ...missing(required) };
  // Whether any other field may be null is ours to say.
  if (nullable || required) yield { what: 'null', value: null, ...(!nullable && wrongType) };
  if (!kinds.has(typeof other)) yield { what: JSON.stringify(other), value: other, ...wrongType };
  for (const member of members) {
    for (const word of member.enum ?? []) yield { what: JSON.stringify(word), value: word };
    yield* boundsOf(member);
  }
  if (members.every((member) => member.enum !== undefined)) {
    yield { what: 'another word', value: 'bogus', refused: 'invalid_value' };
  }
}

const missing = (required: boolean) => required && { refused: 'missing_required_parameter' };

function* boundsOf(schema: Published): Generator<Probe> {
  const { minimum, maximum, maxLength, minItems, maxItems, type, items } = schema;
  const [step, noun] = type === 'number' ? [0.001, 'decimal'] : [1, 'integer'];
  const number = (value: number) => ({ what: `${value}`, value });
  const text = (length: number) => ({ what: `${length} characters`, value: 'x'.repeat(length) });
  const list = (length: number) => ({
    what: `${length} items`,
    value: Array.from({ length }, () => samples(items!)[0]),
  });
  yield* within(minimum, -step, number, `${noun}_below_min_value`);
  yield* within(maximum, step, number, `${noun}_above_max_value`);
  yield* within(maxLength, 1, text, 'string_above_max_length');
  yield* within(minItems, -1, list, 'empty_array');
  if (maxItems !== undefined && maxItems <= LONGEST) {
    yield* within(maxItems, 1, list, 'array_above_max_length');
  }
}

function* within(
  limit: number | undefined,
  beyond: number,
  make: (size: number) => Probe,
  refused: string,
): Generator<Probe> {
  if (limit === undefined) return;
  yield make(limit);
  yield { ...make(limit + beyond), refused };
}
