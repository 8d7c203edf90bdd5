/** Counts the tests of a run for bin/test.mjs, which prints them as the last line of all. */
import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

export type Counts = { passed: number; failed: number; skipped: number };

/** Writes the counts as JSON to the file named by THREADMILL_TEST_COUNTS, when there is one. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const file = process.env['THREADMILL_TEST_COUNTS'];
    if (file === undefined) return;
    const counts: Counts = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) addModule(counts, module);
    writeFileSync(file, JSON.stringify(counts));
  }
}

function addModule(counts: Counts, module: TestModule): void {
  const failedBefore = counts.failed;
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    if (state === 'passed') counts.passed++;
    else if (state === 'failed') counts.failed++;
    else counts.skipped++;
  }
  // A file that cannot be loaded, or whose hooks fail, has no failed test of its own.
  if (module.state() === 'failed' && counts.failed === failedBefore) counts.failed++;
}
