/**
 * Which faults happen, to what, and when: decided by the seed before the run begins. Three lanes run beside each other;
 * within a lane the faults come one after the other, so that a slow computer delays them and never changes their order.
 */
import type { Random } from '../random.ts';

export type Lane = 'processes' | 'servers' | 'network';

export type Fault = {
  n: number;
  lane: Lane;
  /** Not before this many seconds. */
  at: number;
  kind: string;
  /** A part, or a way between two. */
  target: string;
  /** How long it lasts; absent: it is over at once. */
  seconds?: number;
  /** What else it needs, such as milliseconds of delay. */
  value?: number;
};

export type ScheduleOptions = {
  seconds: number;
  /** Longest outage of a whole part. */
  longestOutage: number;
  code: boolean;
  disk: boolean;
  clocks: readonly string[];
};

type Draft = Omit<Fault, 'n' | 'lane' | 'at'>;
/** Makes the faults of one round: everything that its lane can do. */
type Round = (random: Random) => Draft[];

export function makeSchedule(random: Random, options: ScheduleOptions): Fault[] {
  const lanes: Record<Lane, { every: number; round: Round }> = {
    processes: { every: 6, round: (chance) => processFaults(chance, options) },
    servers: { every: 9, round: (chance) => serverFaults(chance, options) },
    network: { every: 4, round: (chance) => networkFaults(chance, options) },
  };
  const faults = (Object.keys(lanes) as Lane[]).flatMap((lane) =>
    fillLane(random.fork(lane), lane, lanes[lane], options.seconds),
  );
  return faults.toSorted((a, b) => a.at - b.at).map((fault, at) => ({ ...fault, n: at + 1 }));
}

function fillLane(
  random: Random,
  lane: Lane,
  { every, round }: { every: number; round: Round },
  seconds: number,
): Omit<Fault, 'n'>[] {
  const faults: Omit<Fault, 'n'>[] = [];
  let bag: Draft[] = [];
  let at = random.integer(1, every);
  while (at < seconds) {
    if (bag.length === 0) bag = random.shuffled(round(random));
    const draft = bag.pop()!;
    faults.push({ lane, at, ...draft });
    at += (draft.seconds ?? 0) + random.integer(Math.ceil(every / 2), every);
  }
  return faults;
}

/** Longer than a worker's silence may be: Temporal gives its work to another one, and then it wakes up. */
const FROZEN = [12, 25] as const;

function processFaults(random: Random, { code }: ScheduleOptions): Draft[] {
  const workers = ['worker0', 'worker1'];
  const apis = ['api0', 'api1'];
  const kill = (target: string): Draft => ({ kind: 'kill', target });
  const freeze = (target: string, from: number, to: number): Draft => ({
    kind: 'freeze',
    target,
    seconds: random.integer(from, to),
  });
  const terminate = (target: string): Draft => ({ kind: 'terminate', target });
  const sandboxd = ['sandboxd'].filter(() => code);
  return [
    ...workers.flatMap((one) => [kill(one), kill(one), terminate(one)]),
    freeze(random.pick(workers), ...FROZEN),
    ...apis.map(kill),
    terminate(random.pick(apis)),
    freeze(random.pick(apis), 3, 10),
    ...sandboxd.flatMap((one) => [kill(one), terminate(one), freeze(one, 3, 10)]),
  ];
}

function serverFaults(random: Random, options: ScheduleOptions): Draft[] {
  const seconds = () => random.integer(3, options.longestOutage);
  const outage = (target: string): Draft => ({ kind: 'outage', target, seconds: seconds() });
  return [
    { kind: 'restart-fast', target: 'postgres' },
    { kind: 'restart-immediate', target: 'postgres' },
    { kind: 'kill-backend', target: 'postgres' },
    { kind: 'kill', target: 'temporal' },
    { kind: random.pick(['outage', 'crash']), target: 'postgres', seconds: seconds() },
    ...['temporal', 'model'].map(outage),
    ...(options.code ? [outage('sandboxd')] : []),
    ...(options.disk
      ? [{ kind: 'full-disk', target: 'postgres', seconds: random.integer(3, 12) }]
      : []),
  ];
}

const WAYS = [
  'client-api0',
  'client-api1',
  ...['api0', 'api1', 'worker0', 'worker1'].flatMap((one) => [
    `${one}-postgres`,
    `${one}-temporal`,
  ]),
  'worker0-model',
  'worker1-model',
];
/** What a request contains whose answer is lost, after the server has done what it says. */
export const LOST_AFTER: Readonly<Record<string, string>> = {
  client: 'POST /v1/',
  postgres: 'commit\0',
  // The namespace, which every call names.
  temporal: 'default',
};

function networkFaults(random: Random, options: ScheduleOptions): Draft[] {
  const ways = options.code ? [...WAYS, 'worker0-sandboxd', 'worker1-sandboxd'] : WAYS;
  const way = () => random.pick(ways);
  const database = random.pick([
    'api0-postgres',
    'api1-postgres',
    'worker0-postgres',
    'worker1-postgres',
  ]);
  return [
    { kind: 'cut', target: way() },
    { kind: 'cut', target: way() },
    {
      kind: 'slow',
      target: way(),
      seconds: random.integer(3, 10),
      value: random.integer(50, 1_500),
    },
    { kind: 'partition', target: way(), seconds: random.integer(3, 15) },
    { kind: 'silence', target: way(), seconds: random.integer(3, 15) },
    { kind: 'half-open', target: way(), seconds: random.integer(3, 15) },
    { kind: 'lose-answer', target: database, seconds: 5 },
    { kind: 'lose-answer', target: random.pick(['client-api0', 'client-api1']), seconds: 5 },
    { kind: 'lose-answer', target: random.pick(['api0-temporal', 'worker1-temporal']), seconds: 5 },
    ...options.clocks.map((target) => ({
      kind: 'clock',
      target,
      seconds: random.integer(5, 15),
      value: random.pick([-600, 600]),
    })),
  ];
}

/** One line per fault. */
export function describeFault({ n, at, kind, target, seconds, value }: Fault): string {
  const more = [
    ...(seconds === undefined ? [] : [`${seconds} s`]),
    ...(value === undefined ? [] : [`value ${value}`]),
  ].join(', ');
  return `#${n} at ${at} s: ${kind} ${target}${more === '' ? '' : ` (${more})`}`;
}
