import { expect, test } from 'vitest';

import { runToEnd } from './support.ts';

async function runTests(...files: string[]) {
  const { code, stdout } = await runToEnd('bin/test.mjs', [
    '--config',
    'test/start/fixtures/counts.config.ts',
    ...files,
  ]);
  return { code, lastLine: stdout.trimEnd().split('\n').at(-1) };
}

test('ends with the counts alone on the last line', async () => {
  expect(await runTests('passing')).toEqual({ code: 0, lastLine: '2 passed, 0 failed' });
});

test.each([['--reporter=dot'], ['--reporter', 'verbose', '--reporter=dot']])(
  'counts all the same with %s %s',
  async (...reporters) => {
    expect(await runTests('passing', ...reporters)).toEqual({
      code: 0,
      lastLine: '2 passed, 0 failed',
    });
  },
);

test('fails with the tests and counts what was skipped', async () => {
  expect(await runTests('mixed')).toEqual({ code: 1, lastLine: '1 passed, 1 failed, 1 skipped' });
});

test('counts a file that cannot be loaded as a failure', async () => {
  expect(await runTests('broken', 'passing')).toEqual({ code: 1, lastLine: '2 passed, 1 failed' });
});

test('fails when no test ran', async () => {
  expect(await runTests('no-such-file')).toEqual({ code: 1, lastLine: '0 passed, 0 failed' });
});
