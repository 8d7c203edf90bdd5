/** npm run keys: manages API keys, each of which opens one project, and shows the model usage of projects. */
import { DEFAULT_SCOPES, SCOPES } from '../wire/scopes.ts';
import type { Scope } from '../wire/scopes.ts';
import type { KeyId, ProjectId } from '../wire/ids.ts';
import { limitsSchema } from '../wire/project-limits.ts';
import { createApiKey, listApiKeys, revokeApiKey } from '../db/projects/api-keys.ts';
import type { ApiKeyInfo } from '../db/projects/api-keys.ts';
import { changeLimits } from '../db/projects/limits.ts';
import { listModelUsage } from '../db/projects/model-usage.ts';
import type { ModelUsage } from '../db/projects/model-usage.ts';
import { StartError } from './serve/start-error.ts';
import { readArguments, runProgram, useDatabase } from './use-database.ts';
import type { Arguments } from './use-database.ts';

const HELP = `Usage: npm run keys -- <command> [options]

  create [--project <name>] [--name <name>] [--scopes <scopes>]
                                              creates a key, and its project if that is new
  list                                        lists the keys, without their secrets
  revoke <id>                                 ends a key within two seconds
  limits <id> [<limit>=<number> …]            changes limits of a project or key, and shows them
  usage [--project <name>] [--days <number>]  shows requests and tokens by day (31 days)

  --project <name>         the project that the key opens (default); with usage: shows only this project
  --name <name>            name of the key in the list (default)
  --scopes <scopes>        what the key may do, of ${SCOPES.join(',')} (${DEFAULT_SCOPES.join(',')})
  --data-dir <directory>   data directory of npm start (THREADMILL_DATA_DIR, .threadmill), unless DATABASE_URL is set`;

await runProgram(async () => {
  const { words, flags } = readArguments('keys');
  if (flags.help === true) return console.log(HELP);
  const command = commandOf(words, flags);
  await useDatabase(flags, command);
});

type Command = Parameters<typeof useDatabase>[1];

function commandOf([verb, ...rest]: string[], flags: Arguments['flags']): Command {
  const [id] = rest;
  if (verb === 'create' && rest.length === 0) {
    const projectName = given('--project', flags.project);
    const name = given('--name', flags.name);
    const scopes = scopesOf(flags.scopes);
    return async (pool) => {
      const key = await createApiKey(pool, { projectName, name, scopes });
      console.error(`A key for the project '${projectName}'. It is shown only this once:`);
      console.log(key); // only the key on standard output, for scripts
    };
  }
  if (verb === 'list' && rest.length === 0) {
    return async (pool) => console.log(table(await listApiKeys(pool)));
  }
  if (verb === 'revoke' && id !== undefined && rest.length === 1) {
    return async (pool) => {
      if (!(await revokeApiKey(pool, id))) {
        throw new StartError(`No active key has the id '${id}': npm run keys -- list shows them.`);
      }
      console.log(`Revoked ${id}.`);
    };
  }
  if (verb === 'limits' && id !== undefined) return changeLimitsOf(id, rest.slice(1));
  if (verb === 'usage' && rest.length === 0) {
    const days = Number(flags.days ?? 31);
    if (!Number.isInteger(days) || days < 1 || days > 100_000) {
      throw new StartError('--days must be a whole number of at least 1.');
    }
    return async (pool) => console.log(usageTable(await listModelUsage(pool, days, flags.project)));
  }
  throw new StartError(
    'Expected create, list, revoke <id>, limits <id> or usage; npm run keys -- --help shows the usage.',
  );
}

/** `runs_at_once=5`; `runs_at_once=default` goes back to the server's default. @throws StartError */
function changeLimitsOf(id: string, changes: string[]): Command {
  const values = changes.map((change) => {
    const [name = '', value = ''] = change.split('=');
    return [name, value === 'default' ? null : value === '' ? value : Number(value)];
  });
  const parsed = limitsSchema.safeParse(Object.fromEntries(values));
  if (!parsed.success) {
    const names = Object.keys(limitsSchema.shape).join(', ');
    throw new StartError(`Expected <limit>=<number> or <limit>=default, of ${names}.`);
  }
  return async (pool) => {
    const owner = id.startsWith('key_') ? { key: id as KeyId } : { project: id as ProjectId };
    const limits = await changeLimits(pool, owner, parsed.data);
    if (limits === undefined) throw new StartError(`No project or key has the id '${id}'.`);
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

function table(keys: ApiKeyInfo[]): string {
  const rows = keys.map((key) => [
    key.id,
    key.project,
    key.name,
    key.hint,
    key.scopes.join(),
    day(key.created_at),
    key.revoked_at === null ? '' : day(key.revoked_at),
  ]);
  return columns([['ID', 'PROJECT', 'NAME', 'KEY', 'SCOPES', 'CREATED', 'REVOKED'], ...rows]);
}

/** `estimated` counts requests whose tokens the server did not report. */
function usageTable(usage: ModelUsage[]): string {
  if (usage.length === 0) return 'Nothing passed through.';
  const heads = Object.keys(usage[0]!).map((name) => name.toUpperCase());
  return columns([heads, ...usage.map((row) => Object.values(row).map((value) => String(value)))]);
}

function columns(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function day(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().slice(0, 10);
}
