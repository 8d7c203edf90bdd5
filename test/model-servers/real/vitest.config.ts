/** `npm run test:models`: real model servers, which install from PyPI and take minutes. One line for each check. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

import base from '../../../vitest.config.ts';

export default defineConfig({
  test: {
    ...base.test,
    root: fileURLToPath(new URL('../../..', import.meta.url)),
    include: ['test/model-servers/real/**/*.servers.ts'],
    reporters: ['verbose', './test/support/count-reporter.ts'],
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
