import { afterAll, beforeAll, expect, test } from 'vitest';

import { Environment } from '../support/environment.ts';
import { OPENAI_PYTHON } from '../support/python.ts';
import { KNOWN } from './generated/known.ts';
import { startProxy } from './generated/proxy.ts';
import type { SubstitutingProxy } from './generated/proxy.ts';
import { runGeneratedSuite } from './generated/run-suite.ts';

const VERSIONS = ['1.109.1', '2.54.0', OPENAI_PYTHON];

let env: Environment;
let proxy: SubstitutingProxy;
beforeAll(async () => {
  env = await Environment.start();
  proxy = await startProxy(env);
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await env[Symbol.asyncDispose]();
});

test.for(VERSIONS)(
  'the generated tests of openai-python %s pass, but for those that cannot apply',
  async (version) => {
    const outcomes = await runGeneratedSuite(version, proxy.url);
    const failed = outcomes.filter(({ outcome }) => outcome === 'failed');
    const known = (name: string) => KNOWN.find(({ tests }) => tests.test(name));
    const counts = KNOWN.map(({ why }) => {
      return { why, failures: failed.filter(({ test: name }) => known(name)?.why === why).length };
    });
    const passed = outcomes.filter(({ outcome }) => outcome === 'passed');
    const total = `${outcomes.length} generated tests of openai-python ${version}`;
    console.log(`${total}: ${passed.length} passed, ${failed.length} failed`);
    for (const { failures, why } of counts) console.log(`${failures} failed: ${why}`);
    expect(failed.filter(({ test: name }) => known(name) === undefined)).toEqual([]);
    expect(counts).toEqual(KNOWN.map(({ why, failures }) => ({ why, failures })));
  },
);
