/** Changes of a body in one or two places. */
import fc from 'fast-check';

import { junk, key } from './values.ts';

/** `at` picks a place among all that there are. */
type Change = { at: number; how: 'replace' | 'remove' | 'add'; key: string; value: unknown };

const change = fc.record<Change>({
  at: fc.nat(),
  how: fc.constantFrom('replace', 'remove', 'add'),
  key,
  value: junk,
});

export const withChanges = (body: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc
    .tuple(body, fc.array(change, { minLength: 1, maxLength: 2 }))
    .map(([value, changes]) => changed(value, changes));

function changed(body: unknown, changes: readonly Change[]): unknown {
  const root = { body: structuredClone(body) };
  for (const { at, how, key: name, value } of changes) {
    const places = placesIn(root);
    const [parent, field] = places[at % places.length]!;
    if (how === 'remove' && parent !== root) delete parent[field];
    else if (how === 'replace') parent[field] = value;
    // Assigning to `__proto__` would add no field.
    else {
      Object.defineProperty(parent, name, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
  }
  return root.body;
}

type Place = [parent: Record<string, unknown>, field: string];

function placesIn(parent: object): Place[] {
  return Object.entries(parent).flatMap(([field, value]: [string, unknown]) => [
    [parent, field] as Place,
    ...(typeof value === 'object' && value !== null ? placesIn(value) : []),
  ]);
}
