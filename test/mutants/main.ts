/**
 * npm run mutants [-- part of an id ...]: makes one seeded bug after the other in a copy of the sources and runs the tests
 * that have to notice it. Exits with 1 when a bug survives, does not apply, or fails its tests by accident.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startEmbeddedPostgres } from '../../embedded/postgres/server.ts';
import { startTemporalServer } from '../../embedded/temporal/server.ts';
import { SEARCH_ATTRIBUTE_TYPES } from '../../temporal/search-attributes.ts';
import { MUTATIONS } from './catalogue/index.ts';
import { copySources } from './copy.ts';
import type { Mutation } from './mutation.ts';
import { applyMutation } from './mutation.ts';
import type { Outcome } from './run-tests.ts';
import { runTests } from './run-tests.ts';

type Verdict = Outcome['verdict'] | 'does not apply' | 'fails without it';
type Row = { id: string; verdict: Verdict; seconds: number };

const wanted = process.argv.slice(2);
const chosen = MUTATIONS.filter(
  ({ id }) => wanted.length === 0 || wanted.some((part) => id.includes(part)),
);
const folder = await mkdtemp(join(tmpdir(), 'threadmill-mutants-'));
const stops: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })];
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void takeDown().then(() => process.exit(1)));
}
try {
  process.exitCode = (await main()) ? 0 : 1;
} finally {
  await takeDown();
}

async function main(): Promise<boolean> {
  if (chosen.length === 0) return complain(`No mutation is called ${wanted.join(' or ')}.`);
  const root = join(folder, 'sources');
  await copySources(root);
  const servers = await startServers();
  console.log(`The tests of ${chosen.length} seeded bugs, without any of them:`);
  const sound = await runTests(
    root,
    chosen.flatMap(({ caughtBy }) => caughtBy),
    servers,
  );
  const unsound = new Set(sound.tests.filter((test) => !sound.passed.includes(test)));
  if (unsound.size > 0) console.error(sound.report);
  const rows: Row[] = [];
  for (const mutation of chosen) {
    const row = mutation.caughtBy.some((test) => unsound.has(test))
      ? ({ id: mutation.id, verdict: 'fails without it', seconds: 0 } as const)
      : await tryMutation(root, mutation, servers);
    rows.push(row);
    console.log(lineOf(row));
  }
  return summarize(rows);
}

/** One of each for all runs: starting them takes longer than most tests. */
async function startServers(): Promise<Record<string, string>> {
  const { TEST_DATABASE_URL: database, TEST_TEMPORAL_ADDRESS: address } = process.env;
  if (database !== undefined && address !== undefined) return {};
  const settings = { fsync: 'off', full_page_writes: 'off', max_connections: '300' };
  const dataDir = join(folder, 'servers');
  const postgres = await startEmbeddedPostgres({ dataDir, settings });
  stops.unshift(() => postgres.stop());
  const temporal = await startTemporalServer({
    dataDir,
    inMemory: true,
    searchAttributes: SEARCH_ATTRIBUTE_TYPES,
  });
  stops.unshift(() => temporal.stop());
  return { TEST_DATABASE_URL: postgres.url, TEST_TEMPORAL_ADDRESS: temporal.address };
}

async function tryMutation(
  root: string,
  mutation: Mutation,
  servers: Record<string, string>,
): Promise<Row> {
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 1_000);
  const { id } = mutation;
  let revert: () => Promise<void>;
  try {
    revert = await applyMutation(root, mutation);
  } catch (error) {
    console.error((error as Error).message);
    return { id, verdict: 'does not apply', seconds: seconds() };
  }
  try {
    const outcome = await runTests(root, mutation.caughtBy, servers);
    if (outcome.verdict !== 'caught') console.error(outcome.report);
    return { id, verdict: outcome.verdict, seconds: seconds() };
  } finally {
    await revert();
  }
}

function lineOf({ id, verdict, seconds }: Row): string {
  return `${verdict.padEnd(20)} ${String(seconds).padStart(4)} s  ${id}`;
}

function summarize(rows: Row[]): boolean {
  const uncaught = rows.filter(({ verdict }) => verdict !== 'caught');
  console.log(`\n${rows.length - uncaught.length} of ${rows.length} seeded bugs were caught.`);
  for (const row of uncaught) console.log(lineOf(row));
  return uncaught.length === 0;
}

function complain(message: string): boolean {
  console.error(message);
  return false;
}

async function takeDown(): Promise<void> {
  for (const stop of stops.splice(0)) await stop();
}
