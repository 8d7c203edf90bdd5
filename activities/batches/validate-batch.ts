/**
 * Reads the input file of a batch and stores the places of its lines. Lines and progress commit together, so that another
 * attempt goes on behind the last stored group. The event loop gets its turn every few milliseconds.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

import { findBatch } from '../../db/batches/batches.ts';
import type { Progress } from '../../db/batches/check-lines.ts';
import { readAssistants, storeLines } from '../../db/batches/check-lines.ts';
import { endDryRun, failBatch, startBatch } from '../../db/batches/transitions.ts';
import type { BlobPlace } from '../../db/blobs/blob-parts.ts';
import { readBlobFrom } from '../../db/blobs/blob-parts.ts';
import { notFound } from '../../wire/errors/errors.ts';
import { modelNotFound } from '../../wire/errors/http-errors.ts';
import type { BatchId } from '../../wire/ids.ts';
import { RUNS_ENDPOINT } from '../../wire/batches/requests.ts';
import { LIMITS } from '../../wire/requests/limits.ts';
import type { BatchRow } from '../../wire/rows.ts';
import type { BatchError } from '../../wire/types.ts';
import type { ActivityDependencies } from '../dependencies.ts';
import { beating } from '../ingest/ingest-file.ts';
import type { CheckedLine } from './check-line.ts';
import { checkLine } from './check-line.ts';
import type { Line } from './read-lines.ts';
import { estimateBatch } from './estimate-batch.ts';
import { readLines } from './read-lines.ts';
import { takeOverResults } from './take-over.ts';

/** Lines stored in one transaction. Between two, runs outside batches have their turn. */
const GROUP = 200;
/** Errors kept of a file. With so many the rest is not read. */
const MAX_ERRORS = 100;
const TURN_MS = 10;

export async function validateBatch(deps: ActivityDependencies, id: BatchId): Promise<void> {
  return beating(async (signal) => {
    const batch = await findBatch(deps.pool, id);
    if (batch?.status !== 'validating' || batch.input_blob_id === null) return;
    const read = await readAll(deps, batch, signal);
    if (read === undefined) return;
    const errors = read.total === 0 ? [emptyFile] : read.errors;
    if (errors.length > 0) await failBatch(deps.pool, id, errors.slice(0, MAX_ERRORS));
    else if (batch.dry_run) {
      const whole = { ...batch, total: read.total };
      await endDryRun(deps.pool, id, await estimateBatch(deps, whole, signal));
    } else {
      await takeOverResults(deps.pool, batch, signal);
      await startBatch(deps.pool, id);
    }
  });
}

const emptyFile: BatchError = {
  code: 'empty_file',
  message: 'The input file is empty. Please ensure that the batch contains at least one request.',
  param: null,
  line: null,
};

const tooManyLines: BatchError = {
  code: 'too_many_tasks',
  message: `The input file has more than ${LIMITS.batchLines} requests.`,
  param: null,
  line: null,
};

type Reading = { from: BlobPlace; to: Progress; held: CheckedLine[] };

/** Undefined: the batch is not wanted any more, or another attempt reads it. */
async function readAll(
  deps: ActivityDependencies,
  batch: BatchRow,
  signal: AbortSignal,
): Promise<Progress | undefined> {
  const from = { chunk: batch.checked_chunk, offset: batch.checked_offset };
  const { checked_lines: lines, total, errors } = batch;
  const reading: Reading = { from, to: { place: from, lines, total, errors }, held: [] };
  let turn = performance.now();
  for await (const line of readLines(readBlobFrom(deps.pool, batch.input_blob_id!, from))) {
    take(reading, line, batch.endpoint);
    if (isEnough(reading.to)) break;
    if (reading.held.length >= GROUP) {
      await deps.pace.begin(signal);
      if (!(await store(deps, batch, reading))) return undefined;
    }
    if (performance.now() - turn < TURN_MS) continue;
    await nextTurn();
    signal.throwIfAborted();
    turn = performance.now();
  }
  return (await store(deps, batch, reading)) ? reading.to : undefined;
}

function take({ to, held }: Reading, line: Line, endpoint: string): void {
  to.lines += 1;
  to.place = line.next;
  if (line.text?.trim() === '') return;
  to.total += 1;
  const checked = checkLine(line, to.lines, endpoint);
  if ('line' in checked) held.push(checked.line);
  else to.errors.push(checked.error);
}

function isEnough({ total, errors }: Progress): boolean {
  if (total > LIMITS.batchLines) errors.unshift(tooManyLines);
  return total > LIMITS.batchLines || errors.length >= MAX_ERRORS;
}

/** False: as `storeLines`. */
async function store(
  deps: ActivityDependencies,
  batch: BatchRow,
  reading: Reading,
): Promise<boolean> {
  const { from, to, held } = reading;
  const good = await withKnownModels(deps, batch, held, to.errors);
  reading.held = [];
  reading.from = to.place;
  return storeLines(deps.pool, batch, good, { from, to });
}

/** Those lines whose assistants and models are there; the others become errors. */
async function withKnownModels(
  { pool, target, priceOf }: ActivityDependencies,
  { project_id, endpoint, budget }: BatchRow,
  lines: readonly CheckedLine[],
  errors: BatchError[],
): Promise<CheckedLine[]> {
  const named = [...new Set(lines.flatMap(({ assistantId }) => assistantId ?? []))];
  const assistants = await readAssistants(pool, project_id, named);
  const path = endpoint === RUNS_ENDPOINT ? 'chat/completions' : endpoint.slice('/v1/'.length);
  return lines.filter(({ line, assistantId, model: given }) => {
    const assistantsModel = assistantId && assistants.get(assistantId)?.model;
    if (assistantId !== undefined && assistantsModel === undefined) {
      const { message } = notFound('assistant', assistantId);
      errors.push({ code: 'assistant_not_found', message, param: 'body.assistant_id', line });
      return false;
    }
    const model = given ?? assistantsModel ?? '';
    const isKnown = target(path, model) !== undefined;
    if (isKnown && (budget.usd === undefined || priceOf(model) !== undefined)) return true;
    const { message } = modelNotFound(model);
    const error = isKnown ? withoutPrice(model) : { code: 'model_not_found', message };
    errors.push({ ...error, param: 'body.model', line });
    return false;
  });
}

const withoutPrice = (model: string) => ({
  code: 'model_without_price',
  message: `The models file has no price for the model '${model}', and the batch has a budget in US dollars.`,
});
