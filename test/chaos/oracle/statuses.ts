/** Rules about the way of a run from its creation to its end. */
import type { Message, Run, RunStatus, RunStep } from '../../../wire/types.ts';
import { withoutSearchContentText } from '../../../wire/search-results.ts';
import { assertLegalStream } from '../../support/legal-stream.ts';
import type { Evidence, FaultRecord, SentRequest, WantedRun } from '../evidence.ts';
import type { Rule, RunRow } from './violation.ts';
import { groupBy, hasEnded, indexBy, isUnknown } from './violation.ts';

/** (d) The stored events are one legal story with one end, and that is the run's status. */
export const legalStory: Rule = function* ({ tables, objects }) {
  const events = groupBy(tables.events, ({ run_id }) => run_id);
  const runs = indexBy<Run, string>(objects.runs, ({ id }) => id);
  const steps = groupBy<RunStep, string>(objects.steps, ({ run_id }) => run_id);
  const messages = groupBy<Message, string | null>(objects.messages, ({ run_id }) => run_id);
  for (const { id, status, last_event_seq: last } of tables.runs) {
    const of = events.get(id) ?? [];
    const run = runs.get(id);
    if (run === undefined) yield [id, 'The API does not show it.'];
    if (!hasEnded(status)) yield [id, `It is still ${status}, past its deadline.`];
    if (run === undefined || !hasEnded(status)) continue;
    if (of.length !== last) yield [id, `It has ${of.length} events and counts ${last}.`];
    const ends = of.filter(({ event }) => hasEnded(event.slice('thread.run.'.length)));
    if (ends.length !== 1 || ends[0]!.event !== `thread.run.${status}`) {
      yield [id, `It is ${status}, and its ends are ${ends.map(({ event }) => event).join(', ')}.`];
    }
    const stored = { run, steps: steps.get(id) ?? [], messages: messages.get(id) ?? [] };
    const story = of.map(({ seq, event, data }) => ({
      id: seq,
      event,
      data: JSON.parse(withoutSearchContentText(event, data)) as unknown,
    }));
    try {
      assertLegalStream(story, { ends: 'end', stored });
    } catch (error) {
      yield [id, (error as Error).message.slice(0, 600)];
    }
  }
};

/** (m) A run ends as its client and its model wanted, or expires at its deadline: no fault of a part decides. */
export const endIsWanted: Rule = function* (evidence) {
  const wanted = indexBy(evidence.wanted, ({ marker }) => marker);
  const cancels = groupBy(
    evidence.requests.filter(({ kind }) => kind === 'cancel'),
    ({ sent }) => sent.run,
  );
  for (const run of evidence.tables.runs.filter(({ status }) => hasEnded(status))) {
    const plan = wanted.get(run.marker ?? '');
    if (plan === undefined) yield [run.id, 'Nobody wanted it.'];
    else {
      for (const what of wrongEnd(evidence, run, plan, cancels.get(run.id) ?? [])) {
        yield [run.id, `${plan.kind}: ${what}`];
      }
    }
  }
};

function* wrongEnd(
  evidence: Evidence,
  run: RunRow,
  { kind, expiresAfter }: WantedRun,
  cancels: SentRequest[],
): Iterable<string> {
  const cancelled = cancels.some((one) => one.status === 200 || isUnknown(one));
  const error = run.last_error;
  switch (run.status as RunStatus) {
    case 'cancelled':
      if (!cancelled) yield 'It was cancelled, and nobody asked for that.';
      return;
    case 'failed':
      if (kind !== 'refused' || error?.code !== 'invalid_prompt') {
        yield `It failed: ${error?.code}, ${error?.message}`;
      }
      return;
    case 'incomplete':
      yield 'It is incomplete, and nothing limited it.';
      return;
    case 'expired':
      if (run.updated_ms < run.expires_ms - 1_000) {
        yield `It expired ${(run.expires_ms - run.updated_ms) / 1_000} s before its deadline.`;
      } else if (
        expiresAfter === null &&
        !waitedForClient(evidence, run) &&
        hadCalm(evidence, run)
      ) {
        yield 'It expired, though all was well for long.';
      }
      return;
    default:
      if (kind === 'refused') yield `It is ${run.status}, and its model refused.`;
  }
}

/** At its end it still waited for outputs. Those that were accepted have their own rule. */
function waitedForClient({ tables }: Evidence, { id }: RunRow): boolean {
  const moves = tables.events.filter(
    ({ run_id, event }) => run_id === id && /^thread\.run\.[a-z_]+$/.test(event),
  );
  return moves.at(-2)?.event === 'thread.run.requires_action';
}

/** A run needs this long without a fault: to be taken up again, to be answered, and to run code on a busy computer. */
const CALM_MS = 75_000;

function hadCalm({ faults, settledAt }: Evidence, { created_ms, expires_ms }: RunRow): boolean {
  const end = Math.min(expires_ms, settledAt);
  const during = faults
    .filter(({ startedAt, endedAt }) => endedAt > created_ms && startedAt < end)
    .toSorted((a, b) => a.startedAt - b.startedAt);
  let calmSince = created_ms;
  for (const { startedAt, endedAt } of during) {
    if (startedAt - calmSince > CALM_MS) return true;
    calmSince = Math.max(calmSince, endedAt);
  }
  return end - calmSince > CALM_MS;
}

/** (l) The model is asked again only for a reason: a planned failure, or a fault while the run was under way. */
export const attemptsHaveReasons: Rule = function* ({ tables, modelCalls, faults, wanted }) {
  const plans = indexBy(wanted, ({ marker }) => marker);
  const runs = indexBy(tables.runs, ({ marker }) => marker ?? '');
  for (const [name, calls] of groupBy(modelCalls, ({ run, turn }) => `${run} ${turn}`)) {
    const { run: marker, turn } = calls[0]!;
    const run = runs.get(marker);
    if (run === undefined) yield [marker, 'The model was asked for a run that is not there.'];
    const planned = plans.get(marker)?.plan.turns[turn]?.failures?.length ?? 0;
    const first = Math.min(...calls.map(({ at }) => at));
    const last = Math.max(...calls.map(({ at }) => at));
    const during = faults.filter((fault) => touches(fault, first, last)).length;
    if (run !== undefined && calls.length > 1 + planned + during) {
      yield [
        run.id,
        `${name}: the model was asked ${calls.length} times, with ${planned} planned failures and ${during} faults.`,
      ];
    }
  }
};

/** A fault shows itself for a while after it is over: a frozen worker wakes up, a connection is found to be dead. */
const AFTERMATH_MS = 30_000;

function touches({ startedAt, endedAt }: FaultRecord, from: number, to: number): boolean {
  return endedAt + AFTERMATH_MS > from && startedAt < to;
}
