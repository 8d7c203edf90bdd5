/** Rules about the calls of tools, and about what they and the model cost. */
import { CELL_OUTPUT } from '../load/plans.ts';
import type { Evidence, ModelCall, Tables, Usage } from '../evidence.ts';
import { isWhole } from './messages.ts';
import type { Rule, RunRow, Tried } from './violation.ts';
import { groupBy, indexBy, isAcknowledged, isUnknown, operations } from './violation.ts';

/** (f) The stored outputs are those of the one accepted submission, and the model was shown them. */
export const outputsAsSubmitted: Rule = function* (evidence) {
  const submissions = groupBy(
    operations(evidence).filter(({ first }) => first.kind === 'submit'),
    ({ first }) => first.sent.outputs![0]!.tool_call_id,
  );
  const steps = groupBy(
    evidence.tables.tool_calls.filter(({ type, name }) => type === 'function' && name === 'lookup'),
    ({ step_id }) => step_id,
  );
  for (const [step, calls] of steps) {
    const tried = submissions.get(calls[0]!.id) ?? [];
    for (const what of wrongOutputs(calls, tried)) {
      yield [calls[0]!.run_id, `Step ${step}: ${what}`];
    }
  }
  yield* shownToModel(evidence);
};

function* wrongOutputs(calls: Tables['tool_calls'], tried: Tried[]): Iterable<string> {
  const accepted = tried.filter(isAcknowledged);
  if (accepted.length > 1) yield `${accepted.length} submissions were accepted.`;
  const stored = JSON.stringify(calls.map(({ id, result }) => [id, result?.output ?? null]));
  const isStored = ({ first }: Tried) =>
    JSON.stringify(first.sent.outputs!.map(({ tool_call_id: id, output }) => [id, output])) ===
    stored;
  const nothing = calls.every(({ result }) => result === null);
  const mayBe = tried.filter(({ tries }) => tries.some(isUnknown));
  if (accepted.length > 0 && !accepted.every(isStored)) {
    yield 'It has not the outputs that were accepted.';
  }
  if (accepted.length === 0 && !nothing && !mayBe.some(isStored)) {
    yield 'It has outputs that nobody submitted.';
  }
  for (const { first, tries } of tried.filter(isStored)) {
    if (first.key !== null && tries.at(-1)!.status === 400) {
      yield 'Its outputs were stored, and the last try with their key was refused.';
    }
  }
}

function* shownToModel({ tables, modelCalls }: Evidence): Iterable<[string, string]> {
  const runs = indexBy(tables.runs, ({ id }) => id);
  const steps = indexBy(tables.steps, ({ id }) => id);
  const asked = groupBy(modelCalls, ({ run, turn }) => `${run} ${turn}`);
  for (const { step_id, run_id, id, result, type } of tables.tool_calls) {
    if (type !== 'function' || result?.output === undefined) continue;
    const later = asked.get(`${runs.get(run_id)?.marker} ${steps.get(step_id)!.turn + 1}`) ?? [];
    if (later.some(({ results }) => !results.includes(result.output!))) {
      yield [run_id, `The model was not shown the output of ${id}.`];
    }
  }
}

/**
 * (n) The cells of a thread ran once each, one after the other: what each counted is one more than before. One that says
 * that it was undone, because its process was lost, leaves no count behind.
 */
export const cellsCountOn: Rule = function* ({ tables }) {
  const runs = indexBy(tables.runs, ({ id }) => id);
  const steps = indexBy(tables.steps, ({ id }) => id);
  const cells = tables.tool_calls.flatMap((call) => {
    const found = CELL_OUTPUT.exec(logsOf(call));
    return found === null ? [] : [{ ...call, n: Number(found[2]), marks: Number(found[3]) }];
  });
  const threads = groupBy(cells, ({ run_id }) => runs.get(run_id)?.thread_id);
  for (const [thread = '', list] of threads) {
    const place = ({ run_id, step_id, index }: (typeof list)[number]) =>
      [runs.get(run_id)!.window_end_seq, steps.get(step_id)!.seq, index] as const;
    list.sort((a, b) => compare(place(a), place(b)));
    let before = 0;
    for (const cell of list) {
      const { run_id, n, marks } = cell;
      if (n !== before + 1 || marks !== before + 1) {
        yield [run_id, `After ${before} cells of ${thread} one counted n=${n} marks=${marks}.`];
      }
      if (!UNDONE.test(logsOf(cell))) before = n;
    }
  }
};

const UNDONE = /Variables and files are as they were before this cell/;

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at === -1 ? 0 : a[at]! - b[at]!;
}

function logsOf({ result }: Tables['tool_calls'][number]): string {
  return (result?.outputs ?? []).map(({ logs = '' }) => logs).join('');
}

/** (g) A turn has the usage of the try that was accepted; the run has that of its turns, and at most that of the others. */
export const usageOfAccepted: Rule = function* ({ tables, modelCalls }) {
  const calls = groupBy(modelCalls, ({ run }) => run);
  const steps = groupBy(tables.steps, ({ run_id }) => run_id);
  const turns = groupBy(tables.turns, ({ run_id }) => run_id);
  for (const run of tables.runs) {
    const tries = calls.get(run.marker ?? '') ?? [];
    const accepted: ModelCall[] = [];
    for (const { turn } of turns.get(run.id) ?? []) {
      const last = (steps.get(run.id) ?? []).findLast((step) => step.turn === turn);
      const usage = last?.usage ?? null;
      const same = tries.filter(
        (one) => one.turn === turn && isWhole(one) && isSame(one.usage, usage),
      );
      if (same.length === 1) accepted.push(same[0]!);
      else yield [run.id, `The usage of turn ${turn} is that of ${same.length} tries.`];
    }
    for (const what of wrongSum(run, accepted, tries)) yield [run.id, what];
  }
};

function isSame(reported: Usage, stored: Usage | null): boolean {
  return (
    reported.prompt_tokens === stored?.prompt_tokens &&
    reported.completion_tokens === stored.completion_tokens
  );
}

function* wrongSum(run: RunRow, accepted: ModelCall[], tries: ModelCall[]): Iterable<string> {
  const others = tries.filter((one) => !accepted.includes(one));
  for (const kind of ['prompt_tokens', 'completion_tokens'] as const) {
    const least = sum(accepted.map(({ usage }) => usage[kind]));
    const most = least + sum(others.map((one) => mostOf(one, kind)));
    if (run[kind] < least || run[kind] > most) {
      yield `It has ${run[kind]} ${kind}; the tries make ${least} to ${most}.`;
    }
  }
}

/** What is counted of a try that came to nothing: what the server told, or an estimate, of which no token is a character or more. */
function mostOf(
  { usage, text, outcome }: ModelCall,
  kind: 'prompt_tokens' | 'completion_tokens',
): number {
  if (outcome === 'refused') return 0;
  return kind === 'prompt_tokens'
    ? 4 * usage.prompt_tokens
    : Math.max(usage.completion_tokens, text.length);
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
