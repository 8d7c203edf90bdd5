/**
 * One step of the batches that a model has at its server: groups are closed, sent, looked at and collected as they are due.
 * PostgreSQL says which; the workflow repeats this while there is something to do. Groups hold turns of all projects.
 */
import { log } from '@temporalio/activity';
import type { Batch } from 'openai/resources/batches';

import type { UpstreamBatch } from '../../db/batches/upstream-batches.ts';
import {
  batchesOf,
  closeGroup,
  interestIn,
  listDueGroups,
  nextStep,
  putOff,
} from '../../db/batches/upstream-batches.ts';
import { pauseBatchFor } from '../../db/batches/transitions.ts';
import { inWholeDatabase } from '../../db/core/row-scope.ts';
import { LIMITS } from '../../wire/requests/limits.ts';
import type { ActivityDependencies } from '../dependencies.ts';
import { beating } from '../ingest/ingest-file.ts';
import type { ModelServer } from '../model/client.ts';
import { withRefusals } from '../model/client.ts';
import { ModelServerError } from '../model/server-error.ts';
import { collectAnswers, leaveUnanswered } from './collect.ts';
import { forgetGroup } from './forget.ts';
import { findBatch, submitGroup } from './submit.ts';

const TIMEOUT_MS = 60_000;
/** The pause between two looks doubles until it is this many times the first one. */
const LONGEST_PAUSE = 30;
/** Refusals of a group that stand. Others, such as that of a key, may be over before the runs expire. */
const FINAL = new Set([400, 404, 405, 413, 422, 501]);

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
        await step(deps, server, group, signal);
      }
      return nextStep(pool, model, ms);
    }),
  );
}

/** An error of one group leaves the others alone. */
async function step(
  deps: ActivityDependencies,
  server: ModelServer | undefined,
  group: UpstreamBatch,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { wanted, paused } = await interestIn(deps.pool, group.id);
    // The models file may name no batches for the model any more.
    const isAsked = server?.target.batch || group.tried_seconds !== null;
    if (server === undefined || !isAsked) await giveUp(deps, server, group, signal);
    else if (!wanted) await drop(deps, server, group, signal);
    else if (group.upstream_id !== null) await look(deps, server, group, signal);
    else await submitGroup(deps, server, { ...group, paused }, signal);
  } catch (error) {
    signal.throwIfAborted();
    const refusal = error instanceof ModelServerError ? error : undefined;
    const { reason = (error as Error).message, status } = refusal ?? {};
    log.warn('A batch at a model server does not go on', { group: group.id, status, reason });
    if (refusal?.outOfQuota) await pauseAll(deps, server, group);
    else if (FINAL.has(status ?? 0)) await giveUp(deps, server, group, signal);
    else await putOff(deps.pool, group.id, pauseOf(deps, group));
  }
}

const pauseOf = ({ upstream }: ActivityDependencies, { polls }: UpstreamBatch) =>
  upstream.pollMs * Math.min(LONGEST_PAUSE, 2 ** Math.min(polls, 10));

/** All turns of the group are asked directly. */
async function giveUp(
  deps: ActivityDependencies,
  server: ModelServer | undefined,
  { id }: UpstreamBatch,
  signal: AbortSignal,
): Promise<void> {
  await leaveUnanswered(deps, id, signal);
  await forgetGroup(deps, server, id);
}

/** The account at the server is spent: the turns wait until their batches are resumed. */
async function pauseAll(
  deps: ActivityDependencies,
  server: ModelServer | undefined,
  { id }: UpstreamBatch,
): Promise<void> {
  for (const batch of await batchesOf(deps.pool, id)) {
    await pauseBatchFor(deps.pool, batch, 'insufficient_quota');
  }
  await forgetGroup(deps, server, id);
}

async function look(
  deps: ActivityDependencies,
  server: ModelServer,
  group: UpstreamBatch,
  signal: AbortSignal,
): Promise<void> {
  const options = { signal, timeout: TIMEOUT_MS };
  const batch = await withRefusals(server.client.batches.retrieve(group.upstream_id!, options));
  switch (batch.status) {
    case 'completed':
    case 'expired':
    case 'cancelled':
    case 'failed':
      // The server takes the lines once its other batches have ended.
      if (failedFor(batch, /^token_limit_exceeded$/)) {
        return forgetGroup(deps, server, group.id, { ms: deps.upstream.pollMs * LONGEST_PAUSE });
      }
      if (failedFor(batch, /^(insufficient_quota|billing_)/)) return pauseAll(deps, server, group);
      await collectAnswers(deps, server, [group.id, batch], signal);
      log.info('Collected a batch of a model server', { batch: batch.id, status: batch.status });
      return forgetGroup(deps, server, group.id, {
        files: [batch.output_file_id, batch.error_file_id],
      });
    default:
      return putOff(deps.pool, group.id, pauseOf(deps, group));
  }
}

function failedFor({ status, errors }: Batch, code: RegExp): boolean {
  return status === 'failed' && code.test(errors?.data?.[0]?.code ?? '');
}

/** Nobody waits for the answers. */
async function drop(
  deps: ActivityDependencies,
  server: ModelServer,
  group: UpstreamBatch,
  signal: AbortSignal,
): Promise<void> {
  const made =
    group.upstream_id ??
    (group.tried_seconds === null ? undefined : (await findBatch(server, group, signal))?.id);
  if (made !== undefined) {
    const options = { signal, timeout: TIMEOUT_MS };
    const cancelled = withRefusals(server.client.batches.cancel(made, options));
    // It may have ended, or be gone.
    await cancelled.catch((error: unknown) => {
      if (!(error instanceof ModelServerError && FINAL.has(error.status ?? 0))) throw error;
    });
  }
  await forgetGroup(deps, server, group.id);
}
