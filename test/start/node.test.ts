import { expect, test } from 'vitest';

import { runToEnd, start } from './support.ts';

const OLD_NODE = ['--require', './test/start/fixtures/old-node.cjs'];

test('runs a TypeScript program with its arguments and passes its exit code back', async () => {
  const { code, stdout } = await runToEnd('bin/with-node.mjs', [
    'test/start/fixtures/exit-seven.ts',
    'hello',
  ]);
  expect(stdout).toMatch(/^hello under v2\d/);
  expect(code).toBe(7);
});

test('runs it under the Node among the packages when the running one is too old for TypeScript', async () => {
  const options = { node: OLD_NODE, env: { OLD_NODE: '20.20.2' } };
  const { code, stdout } = await runToEnd(
    'bin/with-node.mjs',
    ['test/start/fixtures/exit-seven.ts', 'hello'],
    options,
  );
  expect(stdout).toMatch(/^hello under v24\./);
  expect(code).toBe(7);
});

test('passes signals on', async () => {
  const program = start('bin/with-node.mjs', ['test/start/fixtures/wait-for-signal.ts']);
  await program.printed(/waiting/);
  program.child.kill('SIGTERM');
  expect(await program.ended).toMatchObject({
    code: 3,
    stdout: expect.stringContaining('got SIGTERM'),
  });
});

test.each(['bin/start.mjs', 'bin/test.mjs', 'bin/with-node.mjs'])(
  '%s refuses a Node that is too old',
  async (script) => {
    const options = { node: OLD_NODE, env: { OLD_NODE: '18.20.4' } };
    expect(await runToEnd(script, ['test/start/fixtures/exit-seven.ts'], options)).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'Threadmill needs Node 20.9 or newer, but this is 18.20.4: install a newer one from https://nodejs.org.\n',
    });
  },
);
