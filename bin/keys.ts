/** npm run keys: manages API keys, each of which opens one project, and shows the model usage of projects. */
import type { Pool, Tx } from '../db/core/pool.ts';
import { withTransaction } from '../db/core/pool.ts';
import { createApiKey, listApiKeys } from '../db/projects/api-keys.ts';
import type { ApiKeyInfo } from '../db/projects/api-keys.ts';
import { cliActor, recordAudit } from '../db/projects/audit.ts';
import { changeLimits } from '../db/projects/limits.ts';
import { listModelUsage } from '../db/projects/model-usage.ts';
import { projectNames } from '../db/projects/projects.ts';
import { readUsage } from '../db/projects/usage.ts';
import { ApiError } from '../wire/errors/errors.ts';
import type { KeyId, ProjectId } from '../wire/ids.ts';
import { keyLimitsSchema, limitsSchema } from '../wire/admin/project-limits.ts';
import { DEFAULT_SCOPES, SCOPES } from '../wire/admin/scopes.ts';
import type { Scope } from '../wire/admin/scopes.ts';
import { revokeKey, rotateKey } from '../db/projects/project-keys.ts';
import { secondsIn } from './admin/arguments.ts';
import { day, tableOf } from './admin/print.ts';
import { StartError } from './serve/start-error.ts';
import { readArguments, runProgram, useDatabase } from './serve/use-database.ts';
import type { Arguments } from './serve/use-database.ts';

const HELP = `Usage: npm run keys -- <command> [options]

  create [--project <name>] [--name <name>] [--scopes <scopes>] [--expires <time>]
                                              creates a key, and its project if that is new
  list                                        lists the keys, without their secrets
  rotate <id> [--overlap <time>]              creates a key like that one, which ends after the overlap
  revoke <id>                                 ends a key and its open streams within two seconds
  limits <id> [<limit>=<number> …]            changes limits of a project or key, and shows them
  usage [--project <name>] [--days <number>]  shows usage by day (31 days)

  --project <name>         the project that the key opens (default); with usage: shows only this project
  --name <name>            name of the key in the list (default)
  --scopes <scopes>        what the key may do, of ${SCOPES.join(',')} (${DEFAULT_SCOPES.join(',')})
  --expires <time>         how long the key works, such as 12h or 90d (for ever)
  --overlap <time>         how long the former key goes on to work (24h)
  --data-dir <directory>   data directory of npm start (THREADMILL_DATA_DIR, .threadmill), unless DATABASE_URL is set`;

const DAY = 86_400;

await runProgram(async () => {
  const { words, flags } = readArguments('keys');
  if (flags.help === true) return console.log(HELP);
  const command = commandOf(words, flags);
  await useDatabase(flags, command);
});

type Command = (pool: Pool) => Promise<void>;
type Flags = Arguments['flags'];

function commandOf([verb, id, ...rest]: string[], flags: Flags): Command {
  const isAlone = id === undefined;
  if (verb === 'create' && isAlone) return create(flags);
  if (verb === 'list' && isAlone) return list;
  if (verb === 'usage' && isAlone) return usage(flags);
  if (verb === 'rotate' && !isAlone && rest.length === 0) return rotate(id as KeyId, flags);
  if (verb === 'revoke' && !isAlone && rest.length === 0) return revoke(id as KeyId);
  if (verb === 'limits' && !isAlone) return changeLimitsOf(id, rest);
  throw new StartError(
    'Expected create, list, rotate <id>, revoke <id>, limits <id> or usage; npm run keys -- --help shows the usage.',
  );
}

function create(flags: Flags): Command {
  const projectName = given('--project', flags.project);
  const name = given('--name', flags.name);
  const scopes = scopesOf(flags.scopes);
  const expiresInSeconds = flags.expires === undefined ? null : seconds('--expires', flags.expires);
  return async (pool) => {
    show(
      `A key for the project '${projectName}'.`,
      await createApiKey(pool, { projectName, name, scopes, expiresInSeconds }),
    );
  };
}

async function list(pool: Pool): Promise<void> {
  console.log(table(await listApiKeys(pool)));
}

function rotate(id: KeyId, { overlap = '24h' }: Flags): Command {
  const overlapSeconds = seconds('--overlap', overlap);
  return async (pool) => {
    const created = await change(pool, id, 'api_key.rotated', async (tx) => {
      const key = await rotateKey(tx, id, overlapSeconds);
      return { project: key.project_id, ...key };
    });
    show(`A key in place of ${id}, which works for ${overlap} more.`, created.value);
  };
}

function revoke(id: KeyId): Command {
  return async (pool) => {
    await change(pool, id, 'api_key.revoked', async (tx) => ({
      project: await revokeKey(tx, id),
    }));
    console.log(`Revoked ${id}.`);
  };
}

/** A change of an active key, with its event in the audit log. */
async function change<T extends { project: ProjectId }>(
  pool: Pool,
  id: KeyId,
  type: string,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  return withTransaction(pool, async (tx) => {
    const changed = await work(tx);
    await recordAudit(tx, { actor: cliActor(), project: changed.project, type, resource: id });
    return changed;
  }).catch((error: unknown) => {
    if (!(error instanceof ApiError)) throw error;
    throw new StartError(
      `No key that can be changed has the id '${id}': npm run keys -- list shows them.`,
    );
  });
}

/** Only the key goes to standard output, for scripts. */
function show(sentence: string, key: string): void {
  console.error(`${sentence} It is shown only this once:`);
  console.log(key);
}

function usage(flags: Flags): Command {
  const days = Number(flags.days ?? 31);
  if (!Number.isInteger(days) || days < 1 || days > 100_000) {
    throw new StartError('--days must be a whole number of at least 1.');
  }
  return async (pool) => {
    const used = await usageByDay(pool, days, flags.project);
    const passed = await listModelUsage(pool, days, flags.project);
    const tables = [used, passed].filter(({ length }) => length > 0).map((rows) => tableOf(rows));
    console.log(tables.join('\n\n') || 'No usage.');
  };
}

/** What `GET /v1/threadmill/usage` shows, by project and day. */
async function usageByDay(pool: Pool, days: number, project: string | undefined) {
  const names = await projectNames(pool);
  const project_id = [...names].find(([, name]) => name === project)?.[0];
  if (project !== undefined && project_id === undefined) {
    throw new StartError(`No project has the name '${project}'.`);
  }
  const now = Math.floor(Date.now() / 1_000);
  const from = now - (now % DAY) - (days - 1) * DAY;
  const buckets = await readUsage(pool, { from, days, project_id, group_by: ['project_id'] });
  return buckets.flatMap(({ start_time, results }) =>
    results.map((result) => {
      const { object: _, project_id: id, api_key_id: __, ...counts } = result;
      return { day: day(start_time), project: names.get(id!) ?? id, ...counts };
    }),
  );
}

/** `runs_at_once=5`; `runs_at_once=default` goes back to the server's default. @throws StartError */
function changeLimitsOf(id: string, changes: string[]): Command {
  const values = changes.map((change) => {
    const [name = '', value = ''] = change.split('=');
    return [name, value === 'default' ? null : value === '' ? value : Number(value)];
  });
  const schema = id.startsWith('key_') ? keyLimitsSchema : limitsSchema;
  const parsed = schema.safeParse(Object.fromEntries(values));
  if (!parsed.success) {
    const names = Object.keys(schema.shape).join(', ');
    throw new StartError(`Expected <limit>=<number> or <limit>=default, of ${names}.`);
  }
  return async (pool) => {
    const owner = id.startsWith('key_') ? { key: id as KeyId } : { project: id as ProjectId };
    const limits = await withTransaction(pool, async (tx) => {
      const changed = await changeLimits(tx, owner, parsed.data);
      if (changed === undefined) throw new StartError(`No project or key has the id '${id}'.`);
      const event = { actor: cliActor(), project: changed.project, resource: id };
      if (changes.length > 0) await recordAudit(tx, { ...event, type: 'limits.updated' });
      return changed.limits;
    });
    console.log(JSON.stringify(limits, null, 2));
  };
}

function given(flag: string, value = 'default'): string {
  if (value.trim() === '') throw new StartError(`${flag} must not be empty.`);
  return value.trim();
}

function scopesOf(text = DEFAULT_SCOPES.join()): Scope[] {
  const named = text.split(',').map((part) => part.trim());
  const scopes = SCOPES.filter((scope) => named.includes(scope));
  if (scopes.length > 0 && named.every((name) => SCOPES.some((scope) => scope === name))) {
    return scopes;
  }
  throw new StartError(
    `--scopes must name some of ${SCOPES.join(', ')}, with commas between them.`,
  );
}

function seconds(flag: string, text: string): number {
  const count = secondsIn(text);
  if (count !== undefined) return count;
  throw new StartError(`${flag} must be a number with s, m, h or d behind it, such as 12h.`);
}

function table(keys: ApiKeyInfo[]): string {
  const rows = keys.map((key) => ({
    id: key.id,
    project: key.project,
    name: key.name,
    key: key.redacted_value,
    scopes: key.scopes.join(),
    created: day(key.created_at),
    'last used': day(key.last_used_at),
    expires: day(key.expires_at),
    revoked: day(key.revoked_at),
  }));
  return tableOf(rows);
}
