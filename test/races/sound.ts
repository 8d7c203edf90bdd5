/** What holds after every race, whoever won: one legal story with one end, and one view of it everywhere. */
import { WorkflowFailedError } from '@temporalio/client';
import { expect } from 'vitest';

import type { RunResult } from '../../workflows/run.ts';
import type { Environment } from '../support/environment.ts';
import type { Stored } from '../support/runs.ts';
import { checkRun } from '../support/runs.ts';
import { eventually } from '../support/durable-run.ts';
import type { StreamEvent } from '../support/stream-events.ts';

type RunRef = { id: string; thread_id: string };
export type Sound = Stored & { log: StreamEvent[] };

/** Follows the run to its end, and checks its events, its rows, what is left, and what Temporal says of it. */
export async function expectSound(env: Environment, run: RunRef): Promise<Sound> {
  const sound = await checkRun(env, run);
  const { status } = sound.run;
  expect(sound.steps.filter((step) => step.status === 'in_progress')).toEqual([]);
  expect(sound.messages.filter((message) => message.status === 'in_progress')).toEqual([]);
  expect(sound.messages.filter((message) => message.status === 'completed')).toHaveLength(
    status === 'completed' ? 1 : 0,
  );
  expect(await endOfWorkflow(env, run.id)).toBe(status);
  await expectNothingLeft(env, run.id);
  return sound;
}

/** The status that the run's workflow names at its end. */
async function endOfWorkflow(env: Environment, runId: string): Promise<string> {
  const handle = env.temporal.workflow.getHandle<() => Promise<RunResult>>(runId);
  try {
    return (await handle.result()).status;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return (await handle.describe()).status.name === 'CANCELLED' ? 'cancelled' : 'failed';
  }
}

async function expectNothingLeft(env: Environment, runId: string): Promise<void> {
  await eventually(async () => {
    const left = await env.pool.query('select kind from deliveries where run_id = $1', [runId]);
    expect(left.rows).toEqual([]);
  });
}

/** No row of the run is left, in any table, and its workflow has ended. */
export async function expectGone(env: Environment, { id }: RunRef): Promise<void> {
  const tables = ['run_steps', 'run_turns', 'tool_calls', 'messages', 'run_events', 'deliveries'];
  await eventually(async () => {
    const { status } = await env.temporal.workflow.getHandle(id).describe();
    expect(status.name).not.toBe('RUNNING');
    const counts = tables.map((table) => `(select count(*) from ${table} where run_id = $1)`);
    const { rows } = await env.pool.query<{ left: number }>(
      `select (select count(*) from runs where id = $1) + ${counts.join(' + ')} as left`,
      [id],
    );
    expect(rows).toEqual([{ left: 0 }]);
  });
}
