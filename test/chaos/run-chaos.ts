/** One run of chaos: the system, the load and the nemesis side by side, then peace, then the evidence. */
import { setTimeout as pause } from 'node:timers/promises';

import { readObjects, readTables, readWorkflows } from './collect.ts';
import type { Evidence, FaultRecord } from './evidence.ts';
import { newLedger } from './load/ledger.ts';
import type { Ledger } from './load/ledger.ts';
import { runLoad } from './load/load.ts';
import type { Assistants } from './load/session.ts';
import { runNemesis } from './nemesis/nemesis.ts';
import { describeFault, makeSchedule } from './nemesis/schedule.ts';
import { runUpdate, withTodaysFields } from './nemesis/update.ts';
import { seeded } from './random.ts';
import { settle } from './settle.ts';
import type { ChaosSystem } from './system/system.ts';
import { healSystem, workerAt } from './system/system.ts';

/** Sessions under way may end by themselves for so long. */
const LAST_SESSIONS_MS = 60_000;

export type Say = (line: string) => void;

export type RunOptions = {
  seed: number;
  minutes: number;
  clients: number;
  calm: boolean;
  from: string | undefined;
  /** Seconds, of a whole part. */
  longestOutage: number;
};

/** @returns the evidence, with every part still up */
export async function runChaos(
  system: ChaosSystem,
  options: RunOptions,
  signal: AbortSignal,
  say: Say,
): Promise<Evidence> {
  const ledger = newLedger();
  const assistants = await createAssistants(system);
  say('The system is up.');
  const startedAt = Date.now();
  const faults = await disturb(system, options, { ledger, assistants, signal, say });
  signal.throwIfAborted();
  await healSystem(system);
  const calmAt = Date.now();
  say('All parts are up; waiting until nothing is under way.');
  await settle(system, signal, say);
  const settledAt = Date.now();
  say('Collecting the evidence.');
  const tables = await readTables(system.pool);
  if (options.from !== undefined) {
    tables.events = withTodaysFields(tables.events);
    for (const stream of ledger.streams) stream.events = withTodaysFields(stream.events);
  }
  const objects = await readObjects(system, tables);
  const workflows = await readWorkflows(system.temporal, tables);
  say('Judging.');
  return {
    seed: options.seed,
    startedAt,
    calmAt,
    settledAt,
    ...ledger,
    modelCalls: system.model.ledger.map((call) => ({ ...call, by: workerAt(system, call.by) })),
    strays: system.model.strays,
    faults,
    lives: [...system.parts.values()].flatMap(({ lives }) => lives),
    tables,
    objects,
    workflows,
  };
}

type Under = { ledger: Ledger; assistants: Assistants; signal: AbortSignal; say: Say };

/** Load and faults for the whole time, and then the load alone until its sessions are over. */
async function disturb(
  system: ChaosSystem,
  options: RunOptions,
  { ledger, assistants, signal, say }: Under,
): Promise<FaultRecord[]> {
  const random = seeded(options.seed);
  const seconds = options.minutes * 60;
  const updates = options.from !== undefined;
  const schedule =
    options.calm || updates ? [] : makeSchedule(random, scheduleOptions(system, options));
  for (const fault of schedule) say(`planned ${describeFault(fault)}`);
  const over = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1_000)]);
  const last = new AbortController();
  const load = runLoad({
    urls: system.urls,
    apiKey: system.apiKey,
    ledger,
    random,
    clients: options.clients,
    assistants,
    signal: AbortSignal.any([signal, last.signal]),
    ending: over,
  });
  const [faults] = await Promise.all([
    updates
      ? runUpdate({ system, seconds, signal, say })
      : runNemesis({ system, schedule, signal: over, say }),
    pause(seconds * 1_000, undefined, { signal: over }).catch(() => {}),
  ]);
  await healSystem(system);
  const timer = setTimeout(() => last.abort(), LAST_SESSIONS_MS);
  await load;
  clearTimeout(timer);
  return faults;
}

function scheduleOptions(system: ChaosSystem, { minutes, longestOutage }: RunOptions) {
  return {
    seconds: minutes * 60,
    longestOutage,
    code: system.parts.has('sandboxd'),
    disk: system.disk !== undefined,
    clocks: [...system.clocks.keys()],
  };
}

async function createAssistants({ urls, apiKey, parts }: ChaosSystem): Promise<Assistants> {
  const lookup = { type: 'function', function: { name: 'lookup', parameters: { type: 'object' } } };
  const create = async (tools: object[]): Promise<string> => {
    const response = await fetch(`${urls[0]}/assistants`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'chaos', tools }),
    });
    return ((await response.json()) as { id: string }).id;
  };
  return {
    plain: await create([lookup]),
    code: parts.has('sandboxd') ? await create([lookup, { type: 'code_interpreter' }]) : null,
    search: await create([lookup, { type: 'file_search' }]),
  };
}
