/**
 * Copies everything in the order in which objects name each other: files, vector stores, assistants, threads, messages. What
 * the server has already is not sent again, so that a copy that was cut off goes on. A bad object does not end it.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import OpenAI from 'openai';

import { progressLine } from '../batch/progress-line.ts';
import { rateMeter } from '../batch/rate.ts';
import { StartError } from '../serve/start-error.ts';
import type { Counted, Report } from './report.ts';
import { nameOf, sendFile, sendObject } from './send.ts';
import type { Found, Source } from './source.ts';
import { UnreachableError } from './source.ts';

export type Copy = {
  source: Source;
  target: OpenAI;
  report: Report;
  /** Of contents that the source does not give out. */
  contents: string | undefined;
  /** Undefined: all that the source lists. */
  threads: string[] | undefined;
};

/** Purposes of files that assistants use. */
const PURPOSES = ['assistants', 'assistants_output', 'vision', 'user_data'];
/** Objects that are copied at once. */
const AT_ONCE = 4;

export async function copyAll(copy: Copy): Promise<void> {
  const { source, threads } = copy;
  await each('files', await source.list('file'), (file) => copyFile(copy, file));
  await each('vector stores', await source.list('vector_store'), (one) => copyStore(copy, one), 1);
  const assistants = await source.list('assistant');
  await each('assistants', assistants, (one) => copyObject(copy, 'assistants', one), 1);
  const ids = threads ?? (await source.threadIds());
  await each('threads', ids, (id) => copyThread(copy, id));
}

/** Calls `work` for each, in order, several at once, and shows how many are done. */
async function each<T>(
  kind: Counted,
  all: T[],
  work: (one: T) => Promise<unknown>,
  atOnce = AT_ONCE,
): Promise<void> {
  const show = progressLine();
  const rate = rateMeter();
  const waiting = all.values();
  let done = 0;
  const worker = async () => {
    for (const one of waiting) {
      await work(one);
      done += 1;
      if (process.stderr.isTTY || done === all.length) {
        show(`${kind}: ${done}/${all.length}`, rate({ done, total: all.length }));
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker)).finally(() => show.end());
}

async function copyObject(copy: Copy, kind: Counted, given: Found): Promise<boolean> {
  return attempt(copy.report, kind, given.id, async () => {
    const { created, lost } = await sendObject(copy.target, given);
    for (const path of new Set(lost)) copy.report.leaveOut(`${given.object} ${path}`);
    copy.report.add(created ? 'copied' : 'present', kind, given.id);
  });
}

async function copyStore(copy: Copy, store: Found): Promise<void> {
  if (store.status === 'expired') {
    return copy.report.add('skipped', 'vector stores', store.id, 'It has expired.');
  }
  if (!(await copyObject(copy, 'vector stores', store))) return;
  await attempt(copy.report, 'vector stores', store.id, async () => {
    for (const file of await copy.source.storeFiles(store.id)) {
      await copyObject(copy, 'files in stores', { ...file, vector_store_id: store.id });
    }
  });
}

async function copyThread(copy: Copy, id: string): Promise<void> {
  await attempt(copy.report, 'threads', id, async () => {
    const [thread, messages] = await Promise.all([
      copy.source.thread(id),
      copy.source.messages(id),
    ]);
    if (!(await copyObject(copy, 'threads', thread))) return;
    for (const message of messages) await copyObject(copy, 'messages', message);
  });
}

async function copyFile({ source, target, report, contents }: Copy, file: Found): Promise<void> {
  const { id, purpose, expires_at: expires } = file;
  if (typeof purpose !== 'string' || !PURPOSES.includes(purpose)) {
    return report.add('skipped', 'files', id, 'Assistants do not use files of this purpose.');
  }
  if (typeof expires === 'number' && expires * 1_000 < Date.now()) {
    return report.add('skipped', 'files', id, 'It has expired.');
  }
  await attempt(report, 'files', id, async () => {
    if (await isPresent(target, id)) return report.add('present', 'files', id);
    const directory = await mkdtemp(join(tmpdir(), 'threadmill-import-'));
    try {
      const path = await contentOf(source, contents, file, join(directory, 'content'));
      const created = await sendFile(target, file, path);
      report.add(created ? 'copied' : 'present', 'files', id);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
}

async function isPresent(target: OpenAI, id: string): Promise<boolean> {
  return target.files.retrieve(id).then(
    () => true,
    (error: unknown) => {
      if (error instanceof OpenAI.NotFoundError) return false;
      throw error;
    },
  );
}

/** The path of the content: a local file named for the id, what the source sends, or a local file of that name. */
async function contentOf(
  { download }: Source,
  contents: string | undefined,
  file: Found,
  path: string,
): Promise<string> {
  const local = async (name: string) => {
    const found = contents === undefined ? undefined : join(contents, basename(name));
    const size = found && (await stat(found).catch(() => undefined))?.size;
    return size !== undefined && (file.bytes ?? size) === size ? found : undefined;
  };
  const byId = await local(file.id);
  if (byId !== undefined) return byId;
  try {
    if (download === undefined) throw new StartError('An export has no contents.');
    await download(file.id, path);
    return path;
  } catch (error) {
    const isRefused = error instanceof StartError || isRefusal(error);
    const byName = isRefused ? await local(nameOf(file)) : undefined;
    if (byName !== undefined) return byName;
    if (!isRefused) throw error;
    throw new StartError(
      `${messageOf(error as Error).replace(/\.?$/, '.')} Put its ${Number(file.bytes)} bytes into a directory as '${file.id}' or ` +
        `'${basename(nameOf(file))}', name the directory with --files, and import again.`,
    );
  }
}

const isRefusal = (error: unknown) =>
  error instanceof OpenAI.APIError && [400, 403, 404].includes(error.status as number);

/** Returns whether it succeeded. What no other object can survive ends the import. */
async function attempt(
  report: Report,
  kind: Counted,
  id: string,
  work: () => Promise<void>,
): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    const isOver =
      error instanceof OpenAI.APIConnectionError ||
      error instanceof OpenAI.AuthenticationError ||
      error instanceof UnreachableError ||
      (error instanceof OpenAI.PermissionDeniedError && /Missing scopes/.test(error.message));
    const isExpected = error instanceof OpenAI.APIError || error instanceof StartError;
    if (isOver || !isExpected) throw error;
    report.add('failed', kind, id, messageOf(error));
    return false;
  }
}

function messageOf(error: Error): string {
  const { message } = (error instanceof OpenAI.APIError ? (error.error ?? error) : error) as Error;
  return message ?? error.message;
}
