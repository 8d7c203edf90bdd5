/** `npm run test:compose`: docker-compose.yml for real. It needs docker compose or podman, and about a quarter of an hour. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/compose/**/*.compose.ts'],
    reporters: ['default', './test/support/count-reporter.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 3_600_000,
    teardownTimeout: 300_000,
  },
});
