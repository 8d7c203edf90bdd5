/** Rules about what runs wrote into their threads: one answer for each turn, whole, of one try. */
import type { ModelCall, Tables } from '../evidence.ts';
import type { Rule } from './violation.ts';
import { groupBy, hasEnded, indexBy } from './violation.ts';

/** (c) One message per run and turn; ids and numbers are unique, and numbers have no unexplained gap. */
export const oneMessagePerTurn: Rule = function* ({ tables }) {
  yield* uniqueIds(tables);
  yield* gaplessThreads(tables);
  const completed = tables.steps.filter(({ status }) => status === 'completed');
  for (const [name, steps] of groupBy(
    completed,
    ({ run_id, turn, type }) => `${run_id} turn ${turn} ${type}`,
  )) {
    if (steps.length > 1) yield [name, `${steps.length} completed steps of one kind in one turn.`];
  }
  const steps = groupBy(tables.steps, ({ message_id }) => message_id);
  for (const { id, run_id, role } of tables.messages) {
    const of = steps.get(id) ?? [];
    if (role === 'assistant' && (of.length !== 1 || of[0]!.run_id !== run_id)) {
      yield [run_id ?? id, `Message ${id} has ${of.length} steps of its run.`];
    }
  }
  for (const [run, turns] of groupBy(tables.turns, ({ run_id }) => run_id)) {
    if (turns.some(({ turn }, at) => turn !== at)) {
      yield [run, `Its stored turns are ${turns.map(({ turn }) => turn).join(', ')}.`];
    }
  }
};

function* uniqueIds(tables: Tables): Iterable<[string, string]> {
  const ids = [tables.messages, tables.steps, tables.runs].flatMap((rows) =>
    rows.map(({ id }) => id),
  );
  for (const [id, rows] of groupBy(ids, (one) => one)) {
    if (rows.length > 1) yield [id, `The id is there ${rows.length} times.`];
  }
}

/** Of several answers that were cut off the thread keeps the last: each of the others left a number free. */
function* gaplessThreads(tables: Tables): Iterable<[string, string]> {
  const threadOf = new Map(tables.runs.map(({ id, thread_id }) => [id, thread_id]));
  const kept = new Set(tables.messages.map(({ id }) => id));
  const created = tables.events.filter(({ event }) => event === 'thread.message.created');
  const gone = groupBy(
    created.filter(({ data }) => !kept.has((JSON.parse(data) as { id: string }).id)),
    ({ run_id }) => threadOf.get(run_id),
  );
  const messages = groupBy(tables.messages, ({ thread_id }) => thread_id);
  for (const { id, last_message_seq: last } of tables.threads) {
    const numbers = (messages.get(id) ?? []).map(({ seq }) => seq);
    if (new Set(numbers).size < numbers.length) yield [id, 'Two messages have the same number.'];
    const missing = last - new Set(numbers).size;
    const explained = gone.get(id)?.length ?? 0;
    if (missing !== explained || numbers.some((seq) => seq < 1 || seq > last)) {
      yield [
        id,
        `Of ${last} numbers ${missing} are missing, and ${explained} answers were given up.`,
      ];
    }
  }
}

/** (e) A stored answer is the whole text of exactly one try, and a cut one the beginning of one. */
export const textOfOneTry: Rule = function* ({ tables, modelCalls }) {
  const runs = indexBy(tables.runs, ({ id }) => id);
  const steps = indexBy(tables.steps, ({ message_id }) => message_id ?? '');
  const calls = groupBy(modelCalls, ({ run, turn }) => `${run} ${turn}`);
  for (const { id, run_id, status, text, role } of tables.messages) {
    const step = steps.get(id);
    if (role !== 'assistant' || step === undefined) continue;
    const marker = runs.get(run_id ?? '')?.marker;
    const tries = calls.get(`${marker} ${step.turn}`) ?? [];
    if (status === 'completed') {
      const same = tries.filter((one) => isWhole(one) && one.text === text);
      if (same.length !== 1) {
        yield [step.run_id, `The answer ${id} is that of ${same.length} tries.`];
      }
    } else if (!tries.some((one) => one.text.slice(0, one.sent).startsWith(text))) {
      yield [step.run_id, `The cut answer ${id} is the beginning of no try.`];
    }
  }
  const answered = new Set(
    tables.messages.filter(({ status }) => status === 'completed').map(({ run_id }) => run_id),
  );
  for (const { id, status } of tables.runs) {
    if (status === 'completed' && !answered.has(id)) yield [id, 'It completed without an answer.'];
  }
  for (const { id, run_id, status } of [...tables.steps, ...tables.messages]) {
    if (status === 'in_progress' && hasEnded(runs.get(run_id ?? '')?.status ?? '')) {
      yield [run_id ?? id, `${id} is still open.`];
    }
  }
};

export function isWhole({ outcome }: ModelCall): boolean {
  return outcome === 'answered';
}
