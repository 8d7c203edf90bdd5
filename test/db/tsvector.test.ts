/** What is read from a tsvector's text against what PostgreSQL says is in it. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { anyOf, placesIn } from '../../db/vector-stores/tsvector.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

let database: Database;
beforeAll(async () => {
  database = await startDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

/** Everything that means something in the text of a tsvector. */
const lexeme = fc.string({
  unit: fc.constantFrom(..."ab'\\:, 1A".split('')),
  minLength: 1,
  maxLength: 6,
});
const vector = fc.dictionary(
  lexeme,
  fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 8 }),
);

test('a lexeme is found as often as it stands there, whatever it is made of', async () => {
  await fc.assert(
    fc.asyncProperty(vector, lexeme, async (places, other) => {
      const parts = Object.entries(places).map(([word, at]) => `${anyOf([word])}:${at.join(',')}`);
      const { rows } = await database.pool.query<{ vector: string; lexeme: string; count: number }>(
        `select v::text as vector, t.lexeme, cardinality(t.positions) as count
         from (select $1::tsvector as v) s, unnest(v) t`,
        [parts.join(' ')],
      );
      expect(rows).toHaveLength(parts.length);
      for (const row of rows) {
        expect(placesIn(row.vector, row.lexeme)).toEqual({ plain: row.count, accented: 0 });
      }
      if (!(other in places)) {
        expect(placesIn(rows[0]?.vector ?? '', other)).toEqual({ plain: 0, accented: 0 });
      }
    }),
  );
});

test('a query of lexemes looks for these and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(lexeme, lexeme, async (one, other) => {
      const { rows } = await database.pool.query<{ own: boolean; foreign: boolean }>(
        'select array_to_tsvector($1) @@ $2::tsquery as own, array_to_tsvector($3) @@ $2::tsquery as foreign',
        [[other], anyOf([one, other]), [`${one}${other}`]],
      );
      expect(rows[0]).toEqual({ own: true, foreign: false });
    }),
  );
});

test('places with accents are counted apart, and of a beginning the first that has it', () => {
  const vector = "'a|caf':2C,5,9C 'a|cafe':7 'a|猫だ':3,4";
  expect(placesIn(vector, 'a|caf')).toEqual({ plain: 1, accented: 2 });
  expect(placesIn(vector, 'a|cafe')).toEqual({ plain: 1, accented: 0 });
  expect(placesIn(vector, 'a|猫')).toEqual({ plain: 0, accented: 0 });
  expect(placesIn(vector, 'a|猫', true)).toEqual({ plain: 2, accented: 0 });
});
