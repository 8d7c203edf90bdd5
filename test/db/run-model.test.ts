/**
 * A run against a model of it in memory: whatever is asked of it, in whatever order, twice, late, or by an attempt that
 * has lost it, rows, events, outcomes and deliveries are those of the model. `npm run model` takes 100,000 steps.
 */
import { deepStrictEqual } from 'node:assert/strict';

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import type { Step } from './run-model/attempts.ts';
import {
  beginAnswer,
  beginCalls,
  claim,
  endMessage,
  finish,
  goOn,
  lose,
} from './run-model/attempts.ts';
import type { Model } from './run-model/model.ts';
import { isOver, newModel } from './run-model/model.ts';
import type { Real } from './run-model/observe.ts';
import { assertLegalStory, observe } from './run-model/observe.ts';
import {
  cancel,
  deleteWithThread,
  finalize,
  passDeadline,
  storeResult,
  submit,
} from './run-model/requests.ts';
import type { Database } from './database.ts';
import { startDatabase } from './database.ts';

const STEPS = Number(process.env.MODEL_STEPS ?? 2_000);
/** Runs at the same time. */
const LANES = 4;

vi.setConfig({ testTimeout: 60_000 + STEPS * 50 });

let database: Database;
beforeAll(async () => {
  database = await startDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

const TOOLS = [
  { type: 'function' as const, function: { name: 'lookup', parameters: {} } },
  { type: 'code_interpreter' as const },
];

/** Even numbers mean the newest. */
const which = fc.nat(9);
const often = (value: boolean) => fc.nat(9).map((n) => (n === 0 ? !value : value));
const outputs = fc.nat(9).map((n) => (['one too few', 'others'] as const)[n] ?? 'right');
const type = fc.constantFrom('function' as const, 'code_interpreter' as const);
const ending = fc.constantFrom(
  { status: 'cancelled' as const },
  { status: 'expired' as const },
  { status: 'expired' as const, waiting: true },
  { status: 'failed' as const, error: { code: 'server_error' as const, message: 'No.' } },
  { status: 'incomplete' as const },
);

type Command = fc.AsyncCommand<Model, Real>;

let taken = 0;

function command<T extends unknown[]>(
  name: string,
  step: (...values: T) => Step,
  ...values: { [K in keyof T]: fc.Arbitrary<T[K]> }
): fc.Arbitrary<Command> {
  return fc.tuple<T>(...values).map((given) => ({
    check: () => true,
    toString: () => `${name}(${given.map((value) => JSON.stringify(value)).join(', ')})`,
    run: async (model, real) => {
      if ((await step(...given)(model, real)) === 'skipped') return;
      taken += 1;
      deepStrictEqual(await observe(real), model.view);
    },
  }));
}

/** The weights let a run go on for long, and end in every way. */
const COMMANDS = fc.oneof(
  { weight: 10, arbitrary: command('claim', claim, which) },
  { weight: 2, arbitrary: command('beginAnswer', beginAnswer, which) },
  { weight: 8, arbitrary: command('beginCalls', beginCalls, which, type) },
  { weight: 10, arbitrary: command('goOn', goOn, which, type, fc.boolean()) },
  { weight: 4, arbitrary: command('endMessage', endMessage, which) },
  {
    weight: 10,
    arbitrary: command('finish', finish, which, fc.boolean(), fc.boolean(), often(false)),
  },
  { weight: 2, arbitrary: command('lose', () => lose) },
  { weight: 10, arbitrary: command('storeResult', storeResult, which) },
  { weight: 9, arbitrary: command('submit', submit, outputs) },
  { weight: 1, arbitrary: command('cancel', () => cancel) },
  { weight: 1, arbitrary: command('passDeadline', () => passDeadline) },
  { weight: 1, arbitrary: command('finalize', finalize, ending) },
  { weight: 1, arbitrary: command('deleteWithThread', () => deleteWithThread) },
);

async function newRun(): Promise<Real> {
  const { run } = await database.queueRun({ tools: TOOLS });
  return { database, runId: run.id, threadId: run.thread_id };
}

/** A run that has not ended expires; then its whole story is told. */
async function endStory(model: Model, real: Real): Promise<void> {
  if (model.view.status === 'deleted') return;
  await finalize({ status: 'expired' })(model, real);
  deepStrictEqual(await observe(real), model.view);
  expect(isOver(model)).toBe(true);
  await assertLegalStory(real);
}

const property = fc.asyncProperty(
  fc.commands([COMMANDS], { maxCommands: 100, size: 'max' }),
  async (commands) => {
    const [model, real] = [newModel(), await newRun()];
    await fc.asyncModelRun(() => ({ model, real }), commands);
    await endStory(model, real);
  },
);

test('a run and its model agree after every step, however late, repeated or reordered the steps are', async () => {
  const lane = async () => {
    while (taken < STEPS) await fc.assert(property, { numRuns: 5 });
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  if (process.env.MODEL_STEPS !== undefined) process.stdout.write(`${taken} steps agree\n`);
});
