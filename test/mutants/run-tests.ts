/** Runs some named tests of a copy of the sources, and judges how they fail. */
import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { namePattern } from '../support/named-tests.ts';
import { END_WITH_PARENT } from '../support/processes.ts';
import type { NamedTest } from './mutation.ts';

/** `caught`: every test failed by an assertion. `fails by accident`: by anything else, which says nothing of its worth. */
export type Outcome = {
  verdict: 'caught' | 'survived' | 'fails by accident' | 'did not end';
  tests: NamedTest[];
  passed: NamedTest[];
  /** What vitest said. */
  report: string;
};

/** Generous: the computer may be busy, and some bugs make a test wait for as long as it is patient. */
const LONGEST_MS = 900_000;

/** The part of vitest's JSON report that is read. */
type Report = { testResults: { name: string; assertionResults: Result[] }[] };
type Result = { fullName: string; status: string; failureMessages?: string[] | null };

export async function runTests(
  root: string,
  tests: NamedTest[],
  env: Record<string, string>,
): Promise<Outcome> {
  const file = join(root, '..', 'report.json');
  await rm(file, { force: true });
  const names = tests.map(({ test }) => namePattern(test)).join('|');
  const files = [...new Set(tests.map((one) => one.file))];
  const output = ['--reporter=json', `--outputFile=${file}`];
  const { text, ended } = await vitest(root, [...files, '-t', names, ...output], env);
  const results = await readResults(root, file);
  const found = tests.map((test) => ({ test, results: resultsOf(results, test) }));
  const passed = found.filter((one) => isPassed(one.results)).map(({ test }) => test);
  const failures = found.map((one) => one.results.filter(({ status }) => status === 'failed'));
  const failed = failures.every((one) => one.length > 0);
  const asserted = failures.every((one) => one.some(isAssertion));
  const verdict = failed ? (asserted ? 'caught' : 'fails by accident') : 'survived';
  const messages = failures.flat().flatMap(({ failureMessages }) => failureMessages ?? []);
  const report = [text.slice(-4_000), ...messages.map((one) => one.slice(0, 2_000))].join('\n');
  return { verdict: ended ? verdict : 'did not end', tests, passed, report };
}

function isPassed(results: Result[]): boolean {
  return results.length > 0 && results.every(({ status }) => status === 'passed');
}

/** The first words of a stack are the error's name. What `rejects`, `resolves` and fast-check throw has none. */
const ASSERTION =
  /^\s*(AssertionError\b|Error: (expected|promise (resolved|rejected)|Property failed) )/;

function isAssertion({ failureMessages }: Result): boolean {
  return (failureMessages ?? []).some((message) => ASSERTION.test(message));
}

function resultsOf(results: Map<string, Result[]>, { file, test }: NamedTest): Result[] {
  const name = new RegExp(namePattern(test));
  return (results.get(file) ?? []).filter(
    ({ fullName, status }) => name.test(fullName) && status !== 'skipped' && status !== 'pending',
  );
}

async function readResults(root: string, file: string): Promise<Map<string, Result[]>> {
  const text = await readFile(file, 'utf8').catch(() => '{"testResults":[]}');
  const { testResults } = JSON.parse(text) as Report;
  return new Map(
    testResults.map(({ name, assertionResults }) => [
      name.slice(name.indexOf(root) + root.length + 1),
      assertionResults,
    ]),
  );
}

/** In a process group of its own, so that whatever it started ends with it, and it with us. */
async function vitest(
  root: string,
  args: string[],
  env: Record<string, string>,
): Promise<{ text: string; ended: boolean }> {
  const program = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const nodeFlags = ['--import', END_WITH_PARENT];
  const child = spawn(process.execPath, [...nodeFlags, program, 'run', '--root', root, ...args], {
    cwd: root,
    env: { ...process.env, ...env, THREADMILL_PARENT: String(process.pid) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => (text += part.toString()));
  }
  const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), LONGEST_MS);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  return { text, ended: code !== null };
}
