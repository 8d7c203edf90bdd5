/** npm run batch: submits, watches and steers batches, and fetches their results. A client like any other of the server. */
import { randomUUID } from 'node:crypto';
import { constants, openAsBlob } from 'node:fs';
import { access } from 'node:fs/promises';
import { basename, resolve } from 'node:path';

import type OpenAI from 'openai';
import type { BatchCreateParams } from 'openai/resources/batches';

import { asking, connect } from './batch/connection.ts';
import { download } from './batch/download.ts';
import { exitCodeOf, hasEnded, reportErrors, watch } from './batch/watch.ts';
import { StartError, reasonOf } from './serve/start-error.ts';
import { parseArguments, runProgram } from './serve/use-database.ts';

const HELP = `Usage: npm run batch -- <command> [options]

  submit <file> [--endpoint <path>] [--window <time>] [--resume-from <id>] [--watch | --dry-run]
                            uploads a JSONL file, makes a batch of it and prints the batch's id
  watch <id>                shows the progress until the batch ends
  pause <id>                starts no more lines; those that run go on
  resume <id>               starts lines again
  cancel <id>               cancels the lines that have not ended; finished results are kept
  fetch <id> [--output <file>] [--errors <file>]
                            downloads the results of a batch that has ended, and prints the names of the files

  --endpoint <path>         what the batch is made for (/v1/threads/runs)
  --window <time>           when the batch expires, such as 24h or 7d (24h)
  --resume-from <id>        an earlier batch: lines that have a result there are not run again
  --watch                   goes on as watch does
  --dry-run                 reads the file and prints what the batch may cost, as JSON; nothing runs
  --output <file>           where the results go (<id>_output.jsonl)
  --errors <file>           where the lines without a result go (<id>_error.jsonl)
  --data-dir <directory>    data directory of npm start (THREADMILL_DATA_DIR, .threadmill), unless OPENAI_BASE_URL and
                            OPENAI_API_KEY name another server

Exit codes of watch: 0 all lines have results, 2 some lines failed, 3 the batch failed, expired or was cancelled,
1 wrong usage or an error of the server.`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const OPTIONS = {
  endpoint: text,
  window: text,
  'resume-from': text,
  watch: flag,
  'dry-run': flag,
  output: text,
  errors: text,
  'data-dir': text,
  help: flag,
} as const;

const read = () => parseArguments('batch', OPTIONS);
type Flags = ReturnType<typeof read>['flags'];
type Command = (client: OpenAI) => Promise<void>;

await runProgram(async () => {
  const { words, flags } = read();
  if (flags.help === true) return console.log(HELP);
  const command = commandOf(words, flags);
  const client = await connect(flags['data-dir']);
  await asking(client, () => command(client));
});

/** @throws StartError */
function commandOf([verb, target, ...rest]: string[], flags: Flags): Command {
  if (target !== undefined && rest.length === 0) {
    if (verb === 'submit') return submit(target, flags);
    if (verb === 'watch') return follow(target);
    if (verb === 'pause') return setPaused(target, true);
    if (verb === 'resume') return setPaused(target, false);
    if (verb === 'cancel') return cancel(target);
    if (verb === 'fetch') return fetchFiles(target, flags);
  }
  throw new StartError(
    'Expected submit <file>, or watch, pause, resume, cancel or fetch with the id of a batch; npm run batch -- --help shows the usage.',
  );
}

/** Only the id goes to standard output, for scripts. */
function submit(path: string, flags: Flags): Command {
  const { endpoint = '/v1/threads/runs', window = '24h', 'resume-from': resume_from } = flags;
  return async (client) => {
    const file = new File([await contentOf(path)], basename(path));
    const { id: input_file_id } = await client.files.create({ file, purpose: 'batch' });
    // The client's types name the values of the hosted service.
    const params = {
      input_file_id,
      endpoint,
      completion_window: window,
      ...(resume_from !== undefined && { 'x-threadmill': { resume_from } }),
    } as BatchCreateParams;
    // A create that the client repeats makes one batch.
    const headers = { 'Idempotency-Key': randomUUID() };
    const isDry = flags['dry-run'] === true;
    const query = isDry ? { dry_run: true } : {};
    const { id } = await client.batches.create(params, { headers, query });
    if (isDry) return showEstimate(client, id);
    console.log(id);
    if (flags.watch === true) await follow(id)(client);
  };
}

/** Read while it is sent, because it may have hundreds of megabytes. @throws StartError */
async function contentOf(path: string): Promise<Blob> {
  try {
    await access(path, constants.R_OK); // says why, which openAsBlob does not
    return await openAsBlob(path);
  } catch (error) {
    throw new StartError(`${path} cannot be read (${reasonOf(error)}).`);
  }
}

function follow(id: string): Command {
  return async (client) => {
    const batch = await watch(client, id);
    reportErrors(batch);
    process.exitCode = exitCodeOf(batch);
  };
}

async function showEstimate(client: OpenAI, id: string): Promise<void> {
  const batch = await watch(client, id);
  reportErrors(batch);
  process.exitCode = exitCodeOf(batch);
  const { estimate } = (batch as { 'x-threadmill'?: { estimate?: object } })['x-threadmill'] ?? {};
  if (estimate) console.log(JSON.stringify(estimate, null, 2));
}

function setPaused(id: string, paused: boolean): Command {
  return async (client) => {
    const body = { 'x-threadmill': { paused } };
    await client.post(`/batches/${encodeURIComponent(id)}`, { body });
    console.log(paused ? `Paused ${id}.` : `Resumed ${id}.`);
  };
}

function cancel(id: string): Command {
  return async (client) => {
    const { status } = await client.batches.cancel(id);
    console.log(`${id} is ${status}.`);
  };
}

function fetchFiles(id: string, flags: Flags): Command {
  const { output = `${id}_output.jsonl`, errors = `${id}_error.jsonl` } = flags;
  if (resolve(output) === resolve(errors)) {
    throw new StartError(
      '--output and --errors name one file: the errors would replace the results.',
    );
  }
  return async (client) => {
    const batch = await client.batches.retrieve(id);
    if (!hasEnded(batch)) {
      throw new StartError(
        `${id} is ${batch.status}, and its files come with its end: npm run batch -- watch ${id} waits for it.`,
      );
    }
    reportErrors(batch);
    const files = [
      { fileId: batch.output_file_id, path: output },
      { fileId: batch.error_file_id, path: errors },
    ];
    if (files.every(({ fileId }) => !fileId)) {
      throw new StartError(`${id} is ${batch.status} and has no files.`);
    }
    for (const { fileId, path } of files) {
      if (!fileId) continue;
      await download(client, fileId, path);
      console.log(path);
    }
  };
}
