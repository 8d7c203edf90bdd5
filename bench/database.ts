/** A PostgreSQL of its own with `npm start`'s settings on a new data directory, migrated. No Temporal. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ProjectId } from '../wire/ids.ts';
import { callerOfKey, ensureApiKey } from '../db/projects/api-keys.ts';
import { migrate } from '../db/core/migrate.ts';
import type { Pool } from '../db/core/pool.ts';
import { createPool } from '../db/core/pool.ts';
import { startEmbeddedPostgres } from '../embedded/postgres/server.ts';

export type BenchDatabase = AsyncDisposable & { url: string; pool: Pool; projectId: ProjectId };

export async function startDatabase(): Promise<BenchDatabase> {
  const dataDir = await mkdtemp(join(tmpdir(), 'threadmill-bench-'));
  const server = await startEmbeddedPostgres({ dataDir });
  const pool = createPool(server.url, { max: 10, applicationName: 'threadmill-bench' });
  await migrate(pool);
  await ensureApiKey(pool, { projectName: 'bench', key: 'sk-bench' });
  return {
    url: server.url,
    pool,
    projectId: (await callerOfKey(pool, 'sk-bench'))!.project,
    async [Symbol.asyncDispose]() {
      await pool.end();
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
