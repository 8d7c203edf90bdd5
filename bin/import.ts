/** npm run import: copies objects from another server, or from exports of one, with their ids. A client of both servers. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import OpenAI, { AzureOpenAI } from 'openai';

import { asking, connect } from './batch/connection.ts';
import { copyAll } from './import/copy.ts';
import { exportSource } from './import/exports.ts';
import { createReport, textOf } from './import/report.ts';
import type { Source } from './import/source.ts';
import { serverSource } from './import/source.ts';
import { StartError, reasonOf } from './serve/start-error.ts';
import { parseArguments, runProgram } from './serve/use-database.ts';

const HELP = `Usage: npm run import -- --from <base url> [options]
       npm run import -- --from-dir <directory> [options]

Copies files, vector stores, assistants and threads with their messages, with the same ids. Run it again to go on.

  --from <base url>         the other server, such as https://api.openai.com/v1 or https://name.openai.azure.com
  --key <key>               a key of the other server (IMPORT_KEY)
  --api-version <version>   of Azure's classic service, such as 2024-05-01-preview
  --from-dir <directory>    JSON and JSONL exports in place of a server
  --threads <file>          ids of the threads to copy; 'all' lists them, which the hosted services cannot
  --files <directory>       contents of files by id or name (files/ of --from-dir)
  --to <base url>           this server (OPENAI_BASE_URL, or the running npm start)
  --to-key <key>            a key with the scopes read and admin; its project gets the objects (OPENAI_API_KEY)
  --data-dir <directory>    data directory of npm start (THREADMILL_DATA_DIR, .threadmill)
  --json                    prints the report as JSON

Exit codes: 0 everything was copied, 2 some objects failed, 1 wrong usage or a server that refuses everything.`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const OPTIONS = {
  from: text,
  key: text,
  'api-version': text,
  'from-dir': text,
  threads: text,
  files: text,
  to: text,
  'to-key': text,
  'data-dir': text,
  json: flag,
  help: flag,
} as const;

const read = () => parseArguments('import', OPTIONS);
type Flags = ReturnType<typeof read>['flags'];

/** Minutes of throttling, or a restart. The clients wait as `retry-after` says. */
const maxRetries = 10;
const SOME_FAILED = 2;

await runProgram(async () => {
  const { words, flags } = read();
  if (flags.help === true) return console.log(HELP);
  const isComplete = (flags.from === undefined) !== (flags['from-dir'] === undefined);
  if (words.length > 0 || !isComplete) {
    throw new StartError(
      'Expected --from <base url> or --from-dir <directory>; npm run import -- --help shows the usage.',
    );
  }
  const target = (await connectTarget(flags)).withOptions({ maxRetries });
  const key = flags.key ?? process.env.IMPORT_KEY ?? '';
  const report = createReport([key, String(target.apiKey)]);
  const contents = flags.files ?? (flags['from-dir'] && join(flags['from-dir'], 'files'));
  const source = await openSource(flags, key);
  const threads = await threadsOf(flags);
  try {
    await asking(target, () => copyAll({ source, target, report, contents, threads }));
  } catch (error) {
    if (error instanceof Error) error.message = report.redacted(error.message);
    throw error;
  } finally {
    console.log(flags.json === true ? JSON.stringify(report, null, 2) : textOf(report));
  }
  if (report.reasons.some(({ outcome }) => outcome === 'failed')) process.exitCode = SOME_FAILED;
});

async function connectTarget(flags: Flags): Promise<OpenAI> {
  if (flags.to === undefined) return connect(flags['data-dir']);
  const apiKey = flags['to-key'] ?? process.env.OPENAI_API_KEY;
  if (apiKey === undefined) throw new StartError('Name a key of this server with --to-key.');
  return new OpenAI({ baseURL: flags.to, apiKey });
}

async function openSource(flags: Flags, apiKey: string): Promise<Source> {
  const { from, 'from-dir': directory, 'api-version': apiVersion } = flags;
  if (directory !== undefined) {
    return exportSource(directory, flags.files ?? join(directory, 'files'));
  }
  if (apiKey === '') {
    throw new StartError('Name a key of the other server with --key or IMPORT_KEY.');
  }
  if (apiVersion === undefined) {
    return serverSource(new OpenAI({ baseURL: from!, apiKey, maxRetries }));
  }
  const baseURL = `${from!.replace(/(\/openai)?\/*$/, '')}/openai`;
  return serverSource(new AzureOpenAI({ baseURL, apiKey, apiVersion, maxRetries }));
}

/** Undefined: all that the source has. An export has those that it has. */
async function threadsOf({ threads, 'from-dir': directory }: Flags): Promise<string[] | undefined> {
  if (threads === 'all' || (threads === undefined && directory !== undefined)) return undefined;
  if (threads === undefined) return [];
  const ids = await readFile(threads, 'utf8').catch((error: unknown) => {
    throw new StartError(`${threads} cannot be read (${reasonOf(error)}): correct --threads.`);
  });
  return [...new Set(ids.split(/[\s,"[\]]+/).filter((id) => id !== ''))];
}
