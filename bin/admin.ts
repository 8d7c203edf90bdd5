/** npm run admin: operates a server by the operations that its console uses. */
import type OpenAI from 'openai';

import type { Description, Request } from './admin/arguments.ts';
import { findOperation, momentOf, readRequest, usageOf } from './admin/arguments.ts';
import type { Command } from './admin/commands.ts';
import { COMMANDS } from './admin/commands.ts';
import { tableOf } from './admin/print.ts';
import { purgeThreads, reindexStore } from './admin/repairs.ts';
import { asking, connect } from './batch/connection.ts';
import { StartError, understood } from './serve/start-error.ts';
import { parseArguments, runProgram } from './serve/use-database.ts';

const HELP = `Usage: npm run admin -- <noun> <verb> [arguments]

${Object.keys(COMMANDS)
  .map((name) => `  ${name}`)
  .join('\n')}
  threads purge --older-than <time> [--dry-run]
                            deletes threads of the key's project that are older than 90d, or than a date
  stores reindex <vector_store_id>
                            cuts and indexes the files of a store anew

  <noun> <verb> --help      shows the arguments of a command
  --json                    prints the server's answer, for scripts
  --data-dir <directory>    data directory of npm start (THREADMILL_DATA_DIR, .threadmill), unless OPENAI_BASE_URL and
                            OPENAI_API_KEY, of a key with the scope admin, name another server

npm run keys makes the first key.`;

const [noun = '', verb = '', ...args] = process.argv.slice(2);
const name = `${noun} ${verb}`;

await runProgram(async () => {
  const command = COMMANDS[name];
  if (noun === '' || noun === '--help') return console.log(HELP);
  if (name !== 'threads purge' && name !== 'stores reindex' && command === undefined) {
    throw new StartError(`There is no command '${name}'; npm run admin -- --help shows them.`);
  }
  const client = await connect(dataDirOf(args));
  await asking(client, () => (command ? perform(client, command) : repair(client)));
});

function dataDirOf(words: string[]): string | undefined {
  const at = words.indexOf('--data-dir');
  const joined = words.find((word) => word.startsWith('--data-dir='));
  return at >= 0 ? words[at + 1] : joined?.slice('--data-dir='.length);
}

async function perform(client: OpenAI, command: Command): Promise<void> {
  const url = new URL('/openapi.json', client.baseURL).href;
  const operation = findOperation(await client.get<Description>(url), command.operation);
  if (args.includes('--help')) return console.log(usageOf(name, operation, command));
  const help = `npm run admin -- ${name} --help shows the arguments.`;
  const answer = await send(
    client,
    understood(() => readRequest(args, operation, command), help),
  );
  console.log(args.includes('--json') ? JSON.stringify(answer, null, 2) : shown(answer, command));
}

function send(client: OpenAI, { method, path, query, body }: Request): Promise<object> {
  if (method === 'get') return client.get(path, { query });
  return method === 'delete' ? client.delete(path, { query }) : client.post(path, { query, body });
}

type Rows = Record<string, unknown>[];

function shown(answer: object, { rows, columns }: Command): string {
  const names = columns?.split(' ');
  const listed = Reflect.get(answer, rows ?? 'data') as Rows | undefined;
  if (listed === undefined && names === undefined) return JSON.stringify(answer, null, 2);
  if (names?.length === 1) return String(Reflect.get(answer, names[0]!));
  const all = (listed ?? [answer as Rows[0]]).flatMap(resultsOf);
  return all.length === 0 ? 'None.' : tableOf(all, names);
}

/** A bucket of usage has results. */
function resultsOf({ results, start_time, ...row }: Rows[0]): Rows {
  if (results === undefined) return [row];
  return (results as Rows).map((result) => {
    const { object: _, ...counts } = result;
    return { start_time, ...counts };
  });
}

async function repair(client: OpenAI): Promise<void> {
  const options = {
    'older-than': { type: 'string' },
    'dry-run': { type: 'boolean' },
    'data-dir': { type: 'string' },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  } as const;
  const { words, flags } = parseArguments('admin', options);
  if (flags.help === true) return console.log(HELP);
  const target = words[2];
  if (noun === 'stores' && target !== undefined) {
    return console.log(await reindexStore(client, target));
  }
  const age = flags['older-than'];
  if (noun === 'stores' || age === undefined) {
    throw new StartError(
      'Expected stores reindex <vector_store_id>, or threads purge --older-than <time>.',
    );
  }
  const before = momentOf('--older-than', age);
  console.log(await purgeThreads(client, before, flags['dry-run'] === true));
}
