/** Reads the files of a batch that has ended at its model server, and stores each answer with its turn. */
import type { GivenAnswer } from '../../db/batches/upstream-batches.ts';
import { listUnanswered, storeAnswers } from '../../db/batches/upstream-batches.ts';
import type { UpstreamAnswer } from '../../db/batches/upstream-turns.ts';
import { jsonOr } from '../../wire/text.ts';
import { readLines } from '../batches/read-lines.ts';
import type { ModelServer } from '../model/client.ts';
import { placeOf, withRefusals } from '../model/client.ts';
import { isObject } from '../model/opaque-fields.ts';
import { ModelServerError } from '../model/server-error.ts';
import type { ServerStep, Step } from './group.ts';
import { FILE_TIMEOUT_MS } from './group.ts';

/** Answers stored in one transaction. */
const GROUP = 100;

/** Lines may come in any order, twice or not at all. Turns without an answer are asked directly. */
export async function collectAnswers(
  step: ServerStep,
  files: (string | null | undefined)[],
): Promise<void> {
  for (const file of files) {
    if (!file) continue;
    let held: GivenAnswer[] = [];
    for await (const text of linesOf(step, file)) {
      const given = toAnswer(step.server, text);
      if (given !== undefined) held.push(given);
      if (held.length < GROUP) continue;
      await store(step, held);
      held = [];
    }
    await store(step, held);
  }
  await leaveUnanswered(step);
}

/** What is left of a group is asked directly. */
export async function leaveUnanswered(step: Step): Promise<void> {
  for (;;) {
    const left = await listUnanswered(step.deps.pool, step.group.id);
    if (left.length === 0) return;
    step.signal.throwIfAborted();
    await store(step, left);
  }
}

async function store({ deps, group }: Step, given: readonly GivenAnswer[]): Promise<void> {
  if (given.length === 0) return;
  const deliveries = await storeAnswers(deps.pool, group.id, given);
  for (const delivery of deliveries) deps.dispatcher.dispatch(delivery);
}

/** A line that is too long counts as missing. */
async function* linesOf({ server, signal }: ServerStep, fileId: string): AsyncGenerator<string> {
  const options = { signal, timeout: FILE_TIMEOUT_MS };
  const { body } = await withRefusals(server.client.files.content(fileId, options));
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
  const { custom_id: customId, response } = (jsonOr(text, {}) ?? {}) as OutputLine;
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
  const { apiKey } = target;
  const error = new ModelServerError({ status, url: placeOf(target), body, apiKey });
  return !error.transient && !error.outOfQuota;
}
