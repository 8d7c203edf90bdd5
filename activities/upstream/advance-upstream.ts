/**
 * One step of the batches that a model has at its server: groups are closed, sent, looked at and collected as they are due.
 * PostgreSQL says which; the workflow repeats this while there is something to do. Groups hold turns of all projects.
 */
import { log } from '@temporalio/activity';

import {
  batchesOf,
  closeGroup,
  listDueGroups,
  nextStep,
  putOff,
} from '../../db/batches/upstream-batches.ts';
import { pauseBatchFor } from '../../db/batches/transitions.ts';
import { inWholeDatabase } from '../../db/core/row-scope.ts';
import { LIMITS } from '../../wire/requests/limits.ts';
import type { ActivityDependencies } from '../dependencies.ts';
import { beating } from '../ingest/ingest-file.ts';
import { withRefusals } from '../model/client.ts';
import { ModelServerError } from '../model/server-error.ts';
import { collectAnswers, leaveUnanswered } from './collect.ts';
import type { ServerStep, Step } from './group.ts';
import { forgetGroup, TIMEOUT_MS } from './group.ts';
import { findBatch, submitGroup } from './submit.ts';

/** The pause between two looks doubles until it is this many times the first one. */
const LONGEST_PAUSE = 30;
/** Refusals of a group that stand. Others, such as that of a key, may be over before the runs expire. */
const FINAL = new Set([400, 404, 405, 413, 422, 501]);
/** Statuses of a batch there. */
const ENDED = new Set(['completed', 'expired', 'cancelled', 'failed']);

/** @returns the ms until the next step; null: there is nothing to do */
export async function advanceUpstream(
  deps: ActivityDependencies,
  model: string,
): Promise<number | null> {
  const { pool, models, upstream } = deps;
  return beating((signal) =>
    inWholeDatabase(async () => {
      const server = models.resolve(model);
      const ms = server?.target.batch ? upstream.groupMs : 0;
      const limits = { lines: LIMITS.batchLines, bytes: LIMITS.batchBytes, ms };
      while (await closeGroup(pool, model, limits));
      for (const group of await listDueGroups(pool, model)) {
        signal.throwIfAborted();
        await take({ deps, server, group, signal });
      }
      return nextStep(pool, model, ms);
    }),
  );
}

/** An error of one group leaves the others alone. */
async function take(step: Step): Promise<void> {
  const { deps, group, signal } = step;
  try {
    await advance(step);
  } catch (error) {
    signal.throwIfAborted();
    const refusal = error instanceof ModelServerError ? error : undefined;
    const { reason = (error as Error).message, status } = refusal ?? {};
    log.warn('A batch at a model server does not go on', { group: group.id, status, reason });
    if (refusal?.outOfQuota) await pauseAll(step);
    else if (FINAL.has(status ?? 0)) await giveUp(step);
    else await putOff(deps.pool, group.id, pauseOf(step));
  }
}

async function advance(step: Step): Promise<void> {
  const { deps, server, group } = step;
  const batches = await batchesOf(deps.pool, group.id);
  // The models file may name no batches for the model any more.
  const isAsked = server?.target.batch || group.tried_seconds !== null;
  if (server === undefined || !isAsked) return giveUp(step);
  if (batches.length === 0) return drop({ ...step, server });
  if (group.upstream_id !== null) return look({ ...step, server }, group.upstream_id);
  const isPaused = batches.some(({ paused }) => paused);
  return submitGroup({ ...step, server }, isPaused);
}

const pauseOf = ({ deps: { upstream }, group: { polls } }: Step) =>
  upstream.pollMs * Math.min(LONGEST_PAUSE, 2 ** Math.min(polls, 10));

/** All turns of the group are asked directly. */
async function giveUp(step: Step): Promise<void> {
  await leaveUnanswered(step);
  await forgetGroup(step);
}

/** The account at the server is spent: the turns wait until their batches are resumed. */
async function pauseAll(step: Step): Promise<void> {
  const { pool } = step.deps;
  for (const { id } of await batchesOf(pool, step.group.id)) {
    await pauseBatchFor(pool, id, 'insufficient_quota');
  }
  await forgetGroup(step);
}

async function look(step: ServerStep, id: string): Promise<void> {
  const { deps, server, group, signal } = step;
  const options = { signal, timeout: TIMEOUT_MS };
  const batch = await withRefusals(server.client.batches.retrieve(id, options));
  const { status, output_file_id, error_file_id } = batch;
  if (!ENDED.has(status)) return putOff(deps.pool, group.id, pauseOf(step));
  const code = status === 'failed' ? (batch.errors?.data?.[0]?.code ?? '') : '';
  // The server takes the lines once its other batches have ended.
  if (code === 'token_limit_exceeded') {
    return forgetGroup(step, { ms: deps.upstream.pollMs * LONGEST_PAUSE });
  }
  if (/^(insufficient_quota|billing_)/.test(code)) return pauseAll(step);
  const files = [output_file_id, error_file_id];
  await collectAnswers(step, files);
  log.info('Collected a batch of a model server', { batch: id, status });
  return forgetGroup(step, { files });
}

/** Nobody waits for the answers. */
async function drop(step: ServerStep): Promise<void> {
  const { server, group, signal } = step;
  const wasTried = group.tried_seconds !== null;
  const made = group.upstream_id ?? (wasTried ? (await findBatch(step))?.id : undefined);
  if (made !== undefined) {
    const options = { signal, timeout: TIMEOUT_MS };
    const cancelled = withRefusals(server.client.batches.cancel(made, options));
    // It may have ended, or be gone.
    await cancelled.catch((error: unknown) => {
      if (!(error instanceof ModelServerError && FINAL.has(error.status ?? 0))) throw error;
    });
  }
  await forgetGroup(step);
}
