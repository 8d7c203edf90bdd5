/** What an attempt at a turn writes, step by step and without a model: for tests of the statements behind it. */
import type { Pool } from '../../db/core/pool.ts';
import type { NewToolCall, OpenMessage, TurnRef } from '../../db/turns/open-step.ts';
import { openMessage, openToolStep } from '../../db/turns/open-step.ts';
import type { TurnEnd, TurnResult } from '../../db/turns/finish-turn.ts';
import { claimTurn } from '../../db/turns/claim-turn.ts';
import { finishTurn } from '../../db/turns/finish-turn.ts';
import { codeOpened, functionOpened } from '../../wire/events.ts';
import type { MessageId, StepId, ToolCallId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import type { RunRow, TokenCounts } from '../../wire/rows.ts';

export const USED: TokenCounts = {
  prompt_tokens: 11,
  completion_tokens: 7,
  cached_tokens: 0,
  reasoning_tokens: 0,
};

/** The run of a turn that nobody else has taken or ended. */
export async function claim(pool: Pool, ref: TurnRef): Promise<RunRow> {
  const claimed = await claimTurn(pool, ref);
  if (claimed.kind !== 'claimed') throw new Error(`The turn is done: ${claimed.result.kind}.`);
  return claimed.run;
}

type CallType = 'function' | 'code_interpreter';

/** Without arguments, as no deltas bring any. */
export function newCall(type: CallType, index = 0): NewToolCall {
  const name = type === 'function' ? 'lookup' : type;
  return { index, id: mintId('tool_call'), type, name, input: '', result: null };
}

/** Opens the step of a turn that calls tools. */
export async function openCalls(
  pool: Pool,
  run: RunRow,
  ref: TurnRef,
  [first]: NewToolCall[],
): Promise<StepId> {
  const { id, type, name } = first!;
  const { stepId } = await openToolStep(pool, run, ref, (step) =>
    type === 'function' ? functionOpened(step, 0, id, name) : codeOpened(step, 0, id),
  );
  return stepId;
}

/** The end of a turn that called these tools. */
export function endInCalls(toolCalls: NewToolCall[]): TurnEnd {
  const waits = toolCalls.every(({ type }) => type === 'function');
  const status = waits ? 'requires_action' : 'in_progress';
  return { status, usage: USED, message: null, toolCalls, upstream: null };
}

/** A whole turn that calls tools, of which the first decides: functions pause the run, code leaves it in progress. */
export async function callTools(
  pool: Pool,
  ref: TurnRef,
  type: CallType = 'function',
  count = 1,
): Promise<{ run: RunRow; stepId: StepId; calls: ToolCallId[] }> {
  const run = await claim(pool, ref);
  const calls = Array.from({ length: count }, (_, index) => newCall(type, index));
  const stepId = await openCalls(pool, run, ref, calls);
  await finishTurn(pool, ref, endInCalls(calls));
  return { run, stepId, calls: calls.map(({ id }) => id) };
}

/** Opens a message with its first text. */
export async function openAnswer(
  pool: Pool,
  run: RunRow,
  ref: TurnRef,
  text: string,
): Promise<OpenMessage> {
  return openMessage(pool, run, ref, { images: [], text });
}

/** The end of a turn that answered with a message. */
export function endInAnswer(id: MessageId, text: string): TurnEnd {
  const content = [{ type: 'text' as const, text: { value: text, annotations: [] } }];
  const message = { id, content, tokens: 5, incomplete: null };
  return { status: 'completed', usage: USED, message, toolCalls: [], upstream: null };
}

/** A whole turn that answers. */
export async function answer(pool: Pool, ref: TurnRef, text = 'Done.'): Promise<TurnResult> {
  const run = await claim(pool, ref);
  const { messageId } = await openAnswer(pool, run, ref, text);
  return finishTurn(pool, ref, endInAnswer(messageId, text));
}
