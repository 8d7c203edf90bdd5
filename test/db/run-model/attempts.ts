/** What the attempts at a turn do: the newest one, and older ones that do not know yet that they lost the run. */
import { deepStrictEqual, strictEqual } from 'node:assert/strict';

import {
  FencedError,
  findStoredDeltas,
  insertDeltas,
  runDay,
} from '../../../db/events/run-events.ts';
import { completeMessage, openMessage, openToolStep } from '../../../db/turns/open-step.ts';
import type { TurnEnd, TurnResult } from '../../../db/turns/finish-turn.ts';
import { claimTurn } from '../../../db/turns/claim-turn.ts';
import { countLostUsage, finishTurn } from '../../../db/turns/finish-turn.ts';
import { codeOpened, functionOpened, textDelta } from '../../../wire/events.ts';
import type { StepId } from '../../../wire/ids.ts';
import { endInAnswer, endInCalls, newCall, USED } from '../../support/turns.ts';
import type { Attempt, Model } from './model.ts';
import {
  askableTurns,
  closeOpen,
  CUT_OFF,
  endOf,
  isOver,
  moveRun,
  owns,
  resultOf,
} from './model.ts';
import type { Real } from './observe.ts';

export type CallType = 'function' | 'code_interpreter';
/** Takes the step in both and compares what they say. `skipped`: there is nothing to take it with. */
export type Step = (model: Model, real: Real) => Promise<'skipped' | void>;

/** A worker takes a turn: the next one, or one that was asked for before. */
export const claim =
  (which: number): Step =>
  async (model, { database, runId }) => {
    const turns = askableTurns(model);
    const turn = which % 2 === 0 ? turns - 1 : which % turns;
    const ref = { runId, turn, owner: `attempt ${model.attempts.length}` };
    const claimed = await claimTurn(database.pool, ref);
    const result = resultOf(model, turn);
    if (claimed.kind === 'done') return deepStrictEqual(claimed.result, result);
    strictEqual(result, undefined);
    if (model.view.status === 'queued') moveRun(model, 'in_progress');
    closeOpen(model, 'failed', CUT_OFF);
    model.view.owner = ref.owner;
    model.attempts.push({ ref, run: claimed.run, open: null, over: false });
  };

/** Even: the newest attempt. */
function choose({ attempts }: Model, which: number): Attempt | undefined {
  const attempt = which % 2 === 0 ? attempts.at(-1) : attempts[which % attempts.length];
  return attempt?.over === true ? undefined : attempt;
}

/** A write of an attempt: it is done if the attempt has the run, and else refused. */
async function write<T>(
  model: Model,
  attempt: Attempt,
  writing: Promise<T>,
): Promise<T | undefined> {
  const [result] = await Promise.allSettled([writing]);
  if (result.status === 'rejected' && !(result.reason instanceof FencedError)) throw result.reason;
  strictEqual(result.status, owns(model, attempt) ? 'fulfilled' : 'rejected');
  if (result.status === 'fulfilled') return result.value;
  attempt.over = true;
  return undefined;
}

export const beginAnswer =
  (which: number): Step =>
  async (model, { database }) => {
    const attempt = choose(model, which);
    if (attempt === undefined || attempt.open !== null) return 'skipped';
    const { run, ref } = attempt;
    const opened = await write(
      model,
      attempt,
      openMessage(database.pool, run, ref, { images: [], text: 'One' }),
    );
    if (opened === undefined) return;
    const [id, { view }] = [opened.messageId, model];
    attempt.open = { kind: 'message', id, text: 'One', lastSeq: opened.lastSeq };
    view.steps.push('in_progress');
    view.messages.push({ id, status: 'in_progress', text: '' });
    view.events.push('thread.run.step.created', 'thread.run.step.in_progress');
    view.events.push('thread.message.created', 'thread.message.in_progress');
    view.events.push('thread.message.delta');
  };

export const beginCalls =
  (which: number, type: CallType): Step =>
  async (model, { database }) => {
    const attempt = choose(model, which);
    if (attempt === undefined || attempt.open !== null) return 'skipped';
    const { run, ref } = attempt;
    const call = newCall(type);
    const opening = openToolStep(database.pool, run, ref, (step) => callOpened(step, call));
    const opened = await write(model, attempt, opening);
    if (opened === undefined) return;
    const { stepId: id, lastSeq } = opened;
    attempt.open = { kind: 'tools', id, calls: [call], lastSeq };
    model.view.steps.push('in_progress');
    model.view.events.push('thread.run.step.created', 'thread.run.step.in_progress');
    model.view.events.push('thread.run.step.delta');
  };

function callOpened(stepId: StepId, { index, id, type, name }: ReturnType<typeof newCall>) {
  return type === 'function'
    ? functionOpened(stepId, index, id, name)
    : codeOpened(stepId, index, id);
}

/** More of what is open: text, or one call more. `again`: its connection breaks after the commit, and it is sent twice. */
export const goOn =
  (which: number, type: CallType, again: boolean): Step =>
  async (model, { database: { pool } }) => {
    const attempt = choose(model, which);
    if (attempt === undefined || attempt.open === null) return 'skipped';
    const { ref, open } = attempt;
    const call = newCall(type, open.kind === 'tools' ? open.calls.length : 0);
    const event =
      open.kind === 'message' ? textDelta(open.id, 0, MORE, false) : callOpened(open.id, call);
    const { runId, owner } = ref;
    const delta = { runId, day: runDay(runId), owner, seq: open.lastSeq + 1, event };
    const stored = await insertDeltas(pool, [delta]);
    strictEqual(stored.has(runId), owns(model, attempt));
    if (again) {
      deepStrictEqual(await insertDeltas(pool, [delta]), new Set());
      deepStrictEqual(await findStoredDeltas(pool, [delta]), stored);
    }
    attempt.over = !stored.has(runId);
    if (attempt.over) return;
    open.lastSeq += 1;
    model.view.events.push(event.event);
    if (open.kind === 'message') open.text += MORE;
    else open.calls.push(call);
  };

const MORE = ' more';

/** A message ends in the middle of a turn: calls follow. */
export const endMessage =
  (which: number): Step =>
  async (model, { database }) => {
    const attempt = choose(model, which);
    if (attempt?.open?.kind !== 'message') return 'skipped';
    const { run, ref, open } = attempt;
    const content = [{ type: 'text' as const, text: { value: open.text, annotations: [] } }];
    const answer = { content, tokens: 5 };
    const ending = completeMessage(database.pool, run, ref, { messageId: open.id, ...answer });
    const ended = await write(
      model,
      attempt,
      ending.then(() => true),
    );
    if (ended === undefined) return;
    closeOpen(model, 'completed', 'completed');
    attempt.open = null;
  };

/** An answer that came to nothing is counted, by whoever was paid for it. */
export const lose: Step = async (model, { database, runId }) => {
  await countLostUsage(database.pool, runId, USED);
  if (!isOver(model)) model.view.used += 1;
};

/** Ends the turn, if `isEmpty` without having opened anything. `again`: the answer to the commit was lost, and it is tried again. */
export const finish =
  (which: number, isCut: boolean, again: boolean, isEmpty: boolean): Step =>
  async (model, real) => {
    const attempt = choose(model, which);
    if (attempt === undefined || (attempt.open === null) !== isEmpty) return 'skipped';
    const end = endOfTurn(attempt, isCut);
    const { pool } = real.database;
    const isTaken = owns(model, attempt) && model.view.status === 'in_progress';
    if (isTaken) {
      const result = await finishTurn(pool, attempt.ref, end);
      endTurn(model, attempt, end);
      deepStrictEqual(result, model.results.at(-1));
    }
    if (!isTaken || again) await finishInVain(model, real, attempt, end);
    attempt.over = true;
  };

/** The run has moved on: the attempt is told so, or fails, and changes nothing. */
async function finishInVain(
  model: Model,
  { database }: Real,
  { ref }: Attempt,
  end: TurnEnd,
): Promise<void> {
  const [told] = await Promise.allSettled([finishTurn(database.pool, ref, end)]);
  const isStopped = model.view.status === 'cancelling' || isOver(model);
  strictEqual(told.status, isStopped ? 'fulfilled' : 'rejected');
  if (told.status === 'fulfilled') deepStrictEqual(told.value, resultOf(model, ref.turn));
}

function endOfTurn({ open }: Attempt, isCut: boolean): TurnEnd {
  if (open?.kind === 'tools') return endInCalls(open.calls);
  const usage = { usage: USED, toolCalls: [], upstream: null };
  if (open === null) {
    return isCut
      ? { ...usage, message: null, status: 'failed', error: FAILURE }
      : { ...usage, message: null, status: 'completed' };
  }
  const { message } = endInAnswer(open.id, open.text);
  if (!isCut) return { ...usage, message, status: 'completed' };
  const cut = { ...message!, incomplete: 'max_tokens' as const };
  return { ...usage, message: cut, status: 'incomplete', reason: 'max_completion_tokens' };
}

const FAILURE = { code: 'server_error', message: 'It broke down.' } as const;

function endTurn(model: Model, { open }: Attempt, end: TurnEnd): void {
  const { view } = model;
  view.used += 1;
  view.turns += 1;
  for (const { id, type } of end.toolCalls) {
    const stepId = open!.id as StepId;
    view.calls.push({ id, done: false });
    model.calls.set(id, stepId);
    model.pending.push({ id, type, stepId });
  }
  if (end.message !== null) {
    closeOpen(
      model,
      'completed',
      end.status === 'incomplete' ? 'incomplete: max_tokens' : 'completed',
    );
  }
  if (end.status === 'incomplete') moveRun(model, end.status, end.reason);
  else if (end.status === 'failed') moveRun(model, end.status, end.error.code);
  else if (end.status !== 'in_progress') moveRun(model, end.status);
  model.results.push(turnResult(model, end, open?.id ?? ''));
}

function turnResult(model: Model, { status, toolCalls }: TurnEnd, submission: string): TurnResult {
  if (status === 'requires_action') return { kind: 'action', submission };
  if (status !== 'in_progress') return endOf(model);
  const code = toolCalls.filter(({ type }) => type === 'code_interpreter');
  return { kind: 'tools', calls: code.map(({ id }) => ({ id, type: 'code_interpreter' })) };
}
