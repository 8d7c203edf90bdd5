/** Rules about the parts: what Temporal says, what is left behind, what the API answered, and which process ended. */
import type { Evidence, SentRequest } from '../evidence.ts';
import type { Rule } from './violation.ts';
import { hasEnded, indexBy } from './violation.ts';

/** (i) Temporal says of each run what the database says. */
export const temporalAgrees: Rule = function* ({ tables, workflows }) {
  const known = indexBy(workflows, ({ id }) => id);
  for (const { id, status } of tables.runs) {
    const workflow = known.get(id);
    if (workflow === undefined || workflow.status === null) {
      yield [id, 'Temporal has never heard of it.'];
    } else if (workflow.status === 'COMPLETED' && workflow.result?.status !== status) {
      yield [id, `It is ${status}, and its workflow ended ${workflow.result?.status}.`];
    } else if (workflow.status === 'CANCELED' && status !== 'cancelled') {
      yield [id, `It is ${status}, and its workflow was cancelled.`];
    } else if (['FAILED', 'TERMINATED', 'TIMED_OUT'].includes(workflow.status)) {
      yield [id, `Its workflow is ${workflow.status}.`];
    }
  }
};

/** (j) What has ended has no open workflow, and no workflow is open without its run or file. */
export const nothingOpen: Rule = function* ({ tables, workflows }) {
  const runs = indexBy(tables.runs, ({ id }) => id);
  for (const { id, type, status } of workflows) {
    if (status !== 'RUNNING') continue;
    const run = runs.get(id);
    yield [
      id,
      run === undefined
        ? `A ${type} is open without a run.`
        : `It is ${run.status}, and its workflow is open.`,
    ];
  }
  for (const { seq, file_id, status, last_error } of tables.store_files) {
    if (status !== 'completed') {
      yield [file_id, `Its ingest ${seq} is ${status}: ${JSON.stringify(last_error)}.`];
    }
  }
  for (const { id, status } of tables.runs) {
    if (!hasEnded(status)) yield [id, `It is still ${status}.`];
  }
};

/** (k) Nothing is left behind: no delivery, no content without an owner, no half of anything. */
export const nothingLeft: Rule = function* (evidence) {
  const { tables } = evidence;
  for (const { id, run_id, kind, attempts } of tables.deliveries) {
    yield [run_id, `Delivery ${id} (${kind}) is still there after ${attempts} tries.`];
  }
  for (const { id } of tables.orphan_blobs) yield [`blob ${id}`, 'Nothing refers to it.'];
  for (const { id, chunk_count: counted, chunks, used } of tables.documents) {
    if (!used) yield [`document ${id}`, 'No file uses it.'];
    if (counted !== chunks) {
      yield [`document ${id}`, `It counts ${counted} chunks and has ${chunks}.`];
    }
  }
  for (const { key, answered } of tables.idempotency_keys) {
    if (!answered) yield [key, 'The key is taken, and has no answer.'];
  }
  for (const { id, bytes, stored_bytes: stored } of tables.files) {
    if (bytes !== stored) yield [id, `It says ${bytes} bytes and has ${stored}.`];
  }
  for (const { id, file_bytes: said, counted } of tables.projects) {
    if (said !== counted) yield [id, `It counts ${said} bytes of files and has ${counted}.`];
  }
  yield* filesHaveSenders(evidence);
};

function* filesHaveSenders({ tables, requests }: Evidence): Iterable<[string, string]> {
  const sent = new Set(requests.map(({ sent: { filename } }) => filename));
  for (const { id, filename, purpose } of tables.files) {
    if (purpose !== 'assistants_output' && !sent.has(filename)) {
      yield [id, `Nobody sent the file ${filename}.`];
    }
  }
  const files = new Set(tables.files.map(({ id }) => id));
  for (const { id, status, file_id } of tables.uploads) {
    if (status === 'completed' && !files.has(file_id ?? '')) {
      yield [id, 'It is completed without a file.'];
    }
  }
}

/** (o) Requests are answered as documented whatever is broken: 503 with `retry-after`, never another fault. */
export const answersAreDocumented: Rule = function* ({ requests }) {
  for (const request of requests) {
    const { op, status, retryAfter, answer } = request;
    if (status === null || status === 200) continue;
    const name = `${request.method} ${request.path}`;
    if (status === 503 && retryAfter !== null) continue;
    if (status === 400 && MAY_REFUSE.has(request.kind) && isRefusal(request)) continue;
    yield [op, `${name} was answered ${status}: ${JSON.stringify(answer)?.slice(0, 300)}`];
  }
};

/** A thread may be busy, and a run may be in another status. */
const MAY_REFUSE: ReadonlySet<SentRequest['kind']> = new Set([
  'message',
  'run',
  'submit',
  'cancel',
]);

function isRefusal({ answer }: SentRequest): boolean {
  const { message, code } = (answer?.['error'] ?? {}) as { message?: unknown; code?: unknown };
  return typeof message === 'string' && code !== 'idempotency_key_reused';
}

/** (p) No process ends by itself, however long the parts that it needs are away. */
export const processesStay: Rule = function* ({ lives }) {
  for (const { part, asked, exit, startedAt } of lives) {
    if (exit !== null && !asked) {
      yield [
        part,
        `The process of ${new Date(startedAt).toISOString()} ended by itself: ${JSON.stringify(exit)}.`,
      ];
    }
  }
};

/** (q) Histories hold ids and verdicts, never what a person or a model wrote. */
export const historiesTellNothing: Rule = function* ({ workflows, strays }) {
  for (const { id, tellsText } of workflows) {
    if (tellsText) yield [id, 'Its history holds words of the conversation.'];
  }
  for (const stray of strays) {
    yield ['model', `It was asked what no client wanted: ${stray.slice(0, 300)}`];
  }
};
