/** What a run of chaos did, in a few lines: runs by their ends, faults by kind, answers, and times of recovery. */
import type { Evidence, FaultRecord } from './evidence.ts';
import { isUnknown } from './oracle/violation.ts';
import { RULES } from './oracle/index.ts';
import type { Violation } from './oracle/index.ts';

const SHOWN = 10;

export function report(evidence: Evidence, violations: Violation[]): string {
  const { tables, requests, streams, modelCalls, faults, wanted } = evidence;
  const seconds = (evidence.calmAt - evidence.startedAt) / 1_000;
  const lines = [
    `Chaos with seed ${evidence.seed}: ${Math.round(seconds)} s, then ${Math.round((evidence.settledAt - evidence.calmAt) / 1_000)} s to settle.`,
    `Runs: ${tables.runs.length} of ${wanted.length} wanted; ${counts(tables.runs, ({ status }) => status)}.`,
    `Of kind: ${counts(wanted, ({ kind }) => kind)}.`,
    `Requests: ${requests.length}; ${counts(requests, ({ status }) => String(status ?? 'no answer'))}; ${requests.filter(isUnknown).length} of unknown effect.`,
    `Streams: ${streams.length}; ${counts(streams, ({ end }) => end)}; ${streams.reduce((sum, one) => sum + one.events.length, 0)} events seen.`,
    `Model: ${modelCalls.length} requests; ${counts(modelCalls, ({ outcome }) => outcome ?? 'open')}.`,
    `Faults: ${faults.length}; ${counts(faults, ({ kind, target }) => `${kind} ${target.replace(/[01]/g, '')}`)}.`,
    ...recoveries(evidence).map(describeRecovery),
    '',
    ...verdict(violations),
  ];
  return lines.join('\n');
}

function verdict(violations: Violation[]): string[] {
  if (violations.length === 0) return ['No rule was broken.'];
  const lines = [`${violations.length} violations:`];
  for (const [letter, { name }] of Object.entries(RULES)) {
    const of = violations.filter(({ rule }) => rule === letter);
    if (of.length === 0) continue;
    lines.push(`(${letter}) ${name}: ${of.length}`);
    for (const { about, what } of of.slice(0, SHOWN)) lines.push(`    ${about}: ${what}`);
    if (of.length > SHOWN) lines.push(`    and ${of.length - SHOWN} more`);
  }
  return lines;
}

function counts<T>(list: readonly T[], keyOf: (item: T) => string): string {
  const numbers = new Map<string, number>();
  for (const item of list) numbers.set(keyOf(item), (numbers.get(keyOf(item)) ?? 0) + 1);
  const sorted = [...numbers].toSorted(([, a], [, b]) => b - a);
  return sorted.map(([key, number]) => `${number} ${key}`).join(', ');
}

type Recovery = { name: string; milliseconds: number[] };

function recoveries(evidence: Evidence): Recovery[] {
  const of = (kinds: string[], target: string) =>
    evidence.faults.filter(
      (fault) => kinds.includes(fault.kind) && fault.target.startsWith(target),
    );
  const { requests, modelCalls } = evidence;
  const writes = requests.filter(({ kind, status }) => kind !== 'read' && status === 200);
  const answers = writes.flatMap(({ answeredAt }) => answeredAt ?? []);
  const asked = modelCalls.map(({ at }) => at);
  const since = (faults: FaultRecord[], times: number[]) =>
    faults.map(({ endedAt }) => Math.min(...times.filter((at) => at > endedAt)) - endedAt);
  return [
    {
      name: 'worker killed while it streamed, to the next event of the run',
      milliseconds: of(['kill'], 'worker').flatMap((fault) => nextEvents(evidence, fault)),
    },
    {
      name: 'PostgreSQL up again, to the first write accepted',
      milliseconds: since(
        of(['outage', 'crash', 'restart-fast', 'restart-immediate'], 'postgres'),
        answers,
      ),
    },
    {
      name: 'Temporal up again, to the first turn',
      milliseconds: since(of(['outage', 'kill'], 'temporal'), asked),
    },
    {
      name: 'API killed, to its first answer',
      milliseconds: of(['kill'], 'api').map(({ target, startedAt }) => {
        const own = requests.filter(({ api, status }) => `api${api}` === target && status === 200);
        const times = own.flatMap(({ answeredAt }) => answeredAt ?? []);
        return Math.min(...times.filter((at) => at > startedAt)) - startedAt;
      }),
    },
  ];
}

/** Text that was on its way when the worker died. */
const IN_FLIGHT_MS = 300;

/** For each run that the worker was streaming to a reader: the time until that reader heard of it again. */
function nextEvents({ modelCalls, streams }: Evidence, fault: FaultRecord): number[] {
  const at = fault.startedAt;
  const killed = modelCalls.filter(
    (call) =>
      call.at < at - IN_FLIGHT_MS &&
      call.endedAt !== null &&
      Math.abs(call.endedAt - at) < IN_FLIGHT_MS &&
      call.outcome === 'left' &&
      call.sent > 0 &&
      call.by === fault.target,
  );
  return killed.flatMap(({ run }) => {
    const seen = streams.filter((one) => one.run === run).flatMap(({ events }) => events);
    const next = seen.map((event) => event.at).filter((time) => time > at + IN_FLIGHT_MS);
    return next.length === 0 ? [] : [Math.min(...next) - at];
  });
}

function describeRecovery({ name, milliseconds }: Recovery): string {
  const known = milliseconds.filter(Number.isFinite).toSorted((a, b) => a - b);
  if (known.length === 0) return `Recovery: ${name}: not seen.`;
  const inSeconds = (value: number) => `${(value / 1_000).toFixed(1)} s`;
  const median = known[Math.floor(known.length / 2)]!;
  return `Recovery: ${name}: ${inSeconds(median)} (median of ${known.length}), at most ${inSeconds(known.at(-1)!)}.`;
}
