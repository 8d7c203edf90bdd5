/** Projects of their own in one environment, each with limits from its first request on. */
import { randomUUID } from 'node:crypto';

import type OpenAI from 'openai';

import type { RunningApi } from '../../api/server.ts';
import type { Pool } from '../../db/core/pool.ts';
import { callerOfKey, createApiKey } from '../../db/projects/api-keys.ts';
import { changeLimits } from '../../db/projects/limits.ts';
import type { LimitsChange } from '../../wire/admin/project-limits.ts';
import type { Caller } from '../../wire/admin/scopes.ts';
import type { Environment } from '../support/environment.ts';
import type { Reply } from '../support/fake-model.ts';

/** `clients`: of two API processes. */
export type Tenant = Caller & { apiKey: string; clients: [OpenAI, OpenAI] };

export async function tenantOf(
  env: Environment,
  limits: LimitsChange,
  secondApi: RunningApi,
  projectName = `p-${randomUUID()}`,
): Promise<Tenant> {
  const apiKey = await createApiKey(env.pool, { projectName, name: 'test' });
  const { project } = (await callerOfKey(env.pool, apiKey))!;
  await changeLimits(env.pool, { project }, limits);
  const caller = (await callerOfKey(env.pool, apiKey))!;
  return { ...caller, apiKey, clients: [env.clientFor(apiKey), env.clientFor(apiKey, secondApi)] };
}

/** The body of a thread and run whose model answers with the replies. */
export async function readyToRun(
  env: Environment,
  { clients: [client] }: Tenant,
  ...replies: Reply[]
) {
  const model = `m-${randomUUID()}`;
  env.model.script(model, ...replies);
  const assistant = await client.beta.assistants.create({ model, instructions: 'Be kind.' });
  const thread = { messages: [{ role: 'user' as const, content: 'Hi' }] };
  return { assistant_id: assistant.id, thread };
}

/** Tokens that are charged to the owner's bucket and not yet refilled. */
export async function chargedAs(pool: Pool, owner: string): Promise<number> {
  const { rows } = await pool.query<{ tokens: number }>(
    `select (extract(epoch from full_at - clock_timestamp()) * per_minute / 60)::float8 as tokens
     from rate_buckets where owner = $1 and kind = 'tokens'`,
    [owner],
  );
  return rows[0]?.tokens ?? 0;
}

/** Statements that wait for a lock. */
export async function countBlocked(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  );
  return rows[0]!.count;
}
