/** Reads the files of a batch that has ended at its model server, and stores each answer with its turn. */
import type { Batch } from 'openai/resources/batches';

import type { GivenAnswer } from '../../db/batches/upstream-batches.ts';
import { listUnanswered, storeAnswers } from '../../db/batches/upstream-batches.ts';
import type { UpstreamAnswer } from '../../db/batches/upstream-turns.ts';
import { readLines } from '../batches/read-lines.ts';
import type { ActivityDependencies } from '../dependencies.ts';
import type { ModelServer } from '../model/client.ts';
import { placeOf, withRefusals } from '../model/client.ts';
import { isObject } from '../model/opaque-fields.ts';
import { ModelServerError } from '../model/server-error.ts';

/** Answers stored in one transaction. */
const GROUP = 100;
const TIMEOUT_MS = 1_800_000;

/** Lines may come in any order, twice or not at all. Turns without an answer are asked directly. */
export async function collectAnswers(
  deps: ActivityDependencies,
  server: ModelServer,
  [id, batch]: [string, Batch],
  signal: AbortSignal,
): Promise<void> {
  for (const file of [batch.output_file_id, batch.error_file_id]) {
    if (!file) continue;
    let held: GivenAnswer[] = [];
    for await (const text of linesOf(server, file, signal)) {
      const given = toAnswer(server, text);
      if (given !== undefined) held.push(given);
      if (held.length < GROUP) continue;
      await store(deps, id, held);
      held = [];
    }
    await store(deps, id, held);
  }
  await leaveUnanswered(deps, id, signal);
}

/** What is left of a group is asked directly. */
export async function leaveUnanswered(
  deps: ActivityDependencies,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const left = await listUnanswered(deps.pool, id);
    if (left.length === 0) return;
    signal.throwIfAborted();
    await store(deps, id, left);
  }
}

async function store(
  { pool, dispatcher }: ActivityDependencies,
  id: string,
  given: readonly GivenAnswer[],
): Promise<void> {
  if (given.length === 0) return;
  for (const delivery of await storeAnswers(pool, id, given)) dispatcher.dispatch(delivery);
}

/** A line that is too long counts as missing. */
async function* linesOf(
  { client }: ModelServer,
  fileId: string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const asked = client.files.content(fileId, { signal, timeout: TIMEOUT_MS });
  const { body } = await withRefusals(asked);
  const chunks = async function* () {
    for await (const data of body!) yield { chunk: 0, offset: 0, data: Buffer.from(data) };
  };
  for await (const { text } of readLines(chunks())) if (text?.trim()) yield text;
}

type OutputLine = {
  custom_id?: unknown;
  response?: { status_code?: unknown; body?: unknown } | null;
};

/** Undefined: the line belongs to no turn. */
function toAnswer({ target }: ModelServer, text: string): GivenAnswer | undefined {
  const { custom_id: customId, response } = parsed(text);
  const [, workflowId, turn] = /^(.+)#(\d{1,9})$/.exec(String(customId)) ?? [];
  if (workflowId === undefined) return undefined;
  const { status_code: status, body } = response ?? {};
  const given = { workflowId, turn: Number(turn), answer: null };
  return typeof status === 'number' && isObject(body) && isFinal({ status, body }, target)
    ? { ...given, answer: { status, body } }
    : given;
}

/** An answer, or a refusal that another try would get again. */
function isFinal({ status, body }: UpstreamAnswer, target: ModelServer['target']): boolean {
  if (status < 300) return true;
  const error = new ModelServerError({
    status,
    url: placeOf(target),
    body,
    apiKey: target.apiKey,
  });
  return !error.transient && !error.outOfQuota;
}

function parsed(text: string): OutputLine {
  try {
    return (JSON.parse(text) ?? {}) as OutputLine;
  } catch {
    return {};
  }
}
