/** `npm run test:clients`: what is too long for every run of the tests, or needs more than Node and Python. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

import base from '../../vitest.config.ts';

export default defineConfig({
  test: {
    ...base.test,
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/clients/**/*.clients.ts'],
    fileParallelism: false,
    testTimeout: 1_200_000,
    hookTimeout: 1_200_000,
  },
});
