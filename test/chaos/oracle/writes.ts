/** Rules about what clients wrote: nothing acknowledged is lost, and nothing is done twice. */
import type { Evidence, Sent, SentRequest } from '../evidence.ts';
import type { Rule, Tried } from './violation.ts';
import { groupBy, hasEnded, isAcknowledged, isUnknown, operations } from './violation.ts';

/** Ids of what an operation made: it is looked for by the mark that only this operation left. */
type Finder = (sent: Sent) => string[];

function finders({ tables }: Evidence): Partial<Record<SentRequest['kind'], Finder>> {
  const by = <T extends { id: string }>(rows: T[], keyOf: (row: T) => string | null) => {
    const groups = groupBy(rows, keyOf);
    return (key: string | undefined) => (groups.get(key ?? null) ?? []).map(({ id }) => id);
  };
  const users = tables.messages.filter(({ role }) => role === 'user');
  const messages = by(users, ({ thread_id: thread, text }) => `${thread} ${text}`);
  const threads = by(tables.threads, ({ marker }) => marker);
  const runs = by(tables.runs, ({ marker }) => marker);
  const files = by(tables.files, ({ filename }) => filename);
  const uploads = by(tables.uploads, ({ filename }) => filename);
  const stores = by(tables.stores, ({ name }) => name);
  return {
    thread: ({ marker }) => threads(marker),
    message: ({ thread, text }) => messages(`${thread} ${text}`),
    run: ({ marker }) => runs(marker),
    file: ({ filename }) => files(filename),
    upload: ({ filename }) => uploads(filename),
    complete: ({ filename }) => files(filename),
    store: ({ name }) => stores(name),
    'store-file': ({ store, file }) =>
      tables.store_files
        .filter(({ vector_store_id: id, file_id }) => id === store && file_id === file)
        .map(({ file_id }) => file_id),
  };
}

/** (a) Each acknowledged write is there, with the content that was sent. */
export const acknowledgedIsThere: Rule = function* (evidence) {
  const find = finders(evidence);
  const { tables } = evidence;
  const runs = new Map(tables.runs.map((run) => [run.id, run]));
  const texts = new Set(tables.messages.map(({ thread_id, text }) => `${thread_id} ${text}`));
  for (const operation of operations(evidence).filter(isAcknowledged)) {
    const { op, first } = operation;
    const { kind, sent } = first;
    const found = find[kind]?.(sent);
    if (found?.length === 0) yield [op, `The ${kind} was acknowledged and is not there.`];
    if (found?.length === 0) continue;
    for (const id of answeredIds(operation)) {
      if (found !== undefined && kind !== 'complete' && !found.includes(id)) {
        yield [op, `It was acknowledged as ${id}, and ${found.join(', ')} is there.`];
      }
    }
    const thread = kind === 'thread' ? found?.[0] : sent.thread;
    if (sent.text !== undefined && !texts.has(`${thread} ${sent.text}`)) {
      yield [op, 'The message that it brought is not in its thread.'];
    }
    if (kind === 'cancel') {
      const status = runs.get(sent.run ?? '')?.status;
      if (status !== undefined && hasEnded(status) && !['cancelled', 'expired'].includes(status)) {
        yield [op, `The cancellation was acknowledged and the run is ${status}.`];
      }
    }
    if (sent.sha256 !== undefined) {
      for (const file of tables.files.filter(({ filename }) => filename === sent.filename)) {
        if (file.sha256 !== sent.sha256 || file.bytes !== sent.bytes) {
          yield [op, `The content of ${file.id} is not what was sent.`];
        }
      }
    }
  }
};

/** (b) What nobody knows is there once or not at all; tries with one key are one effect. */
export const nothingTwice: Rule = function* (evidence) {
  const find = finders(evidence);
  for (const operation of operations(evidence)) {
    const { op, first, tries } = operation;
    const found = find[first.kind]?.(first.sent) ?? [];
    if (found.length > 1) yield [op, `It is there ${found.length} times: ${found.join(', ')}.`];
    const ids = answeredIds(operation);
    if (ids.length > 1) yield [op, `Tries with one key were answered ${ids.join(' and ')}.`];
    const last = tries.at(-1)!;
    const refusedRetry = last.status !== null && last.status >= 400 && !isUnknown(last);
    if (
      found.length > 0 &&
      first.key !== null &&
      refusedRetry &&
      tries.slice(0, -1).some(isUnknown)
    ) {
      yield [
        op,
        `An earlier try had its effect, and a repeat with its key was answered ${last.status}.`,
      ];
    }
  }
};

function answeredIds({ tries }: Tried): string[] {
  const ids = tries.flatMap(({ status, answer }) =>
    status === 200 && typeof answer?.['id'] === 'string' ? [answer['id']] : [],
  );
  return [...new Set(ids)];
}
