/**
 * npm test: installs missing packages, runs vitest with the given arguments, and prints a last line: `N passed, N failed`,
 * with `, N skipped` if tests were skipped.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPackages } from './install.mjs';
import { ROOT, nodeProblem } from './node-version.mjs';
import { runWithNode } from './with-node.mjs';

/** Added when the caller names a reporter, because vitest then ignores those of its configuration. */
const COUNTS = '--reporter=./test/support/count-reporter.ts';

const problem = nodeProblem() ?? (await installPackages({ dev: true }));
if (problem === undefined) {
  process.exitCode = await runTests(process.argv.slice(2));
} else {
  console.error(problem);
  process.exitCode = 1;
}

async function runTests(args) {
  const folder = mkdtempSync(join(tmpdir(), 'threadmill-counts-'));
  const countsFile = join(folder, 'counts.json');
  try {
    const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
    const env = { THREADMILL_TEST_COUNTS: countsFile };
    const named = args.some((arg) => arg === '--reporter' || arg.startsWith('--reporter='));
    const all = [...args, ...(named ? [COUNTS] : [])];
    const code = await runWithNode([vitest, 'run', '--root', ROOT, ...all], env);
    return report(readCounts(countsFile), code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Prints the last line. A run without tests fails, as does a run with an error outside its tests. */
function report({ passed, failed, skipped }, code) {
  if (passed + failed === 0) console.error('No test ran.');
  const total = code !== 0 && failed === 0 && passed > 0 ? 1 : failed;
  console.log(`${passed} passed, ${total} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return passed === 0 || total > 0 ? code || 1 : code;
}

function readCounts(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}
