/**
 * A run as it should be, in memory: what its rows and events are after each step, whoever takes it, however late. The
 * commands change it beside the database, and `observe` reads the same shape from there.
 */
import type { NewToolCall, TurnRef } from '../../../db/turns/open-step.ts';
import type { TurnResult } from '../../../db/turns/finish-turn.ts';
import type { MessageId, StepId, ToolCallId } from '../../../wire/ids.ts';
import type { RunRow } from '../../../wire/rows.ts';
import { isActive } from '../../../wire/run-status.ts';
import type { RunEnd } from '../../../wire/run-status.ts';
import type { RunStatus } from '../../../wire/types.ts';

/** What the database is compared with after each step. */
export type View = {
  status: RunStatus | 'deleted';
  owner: string | null;
  /** Of answers and of tries that were lost, each of the same size. */
  used: number;
  events: string[];
  steps: string[];
  messages: { id: string; status: string; text: string }[];
  calls: { id: ToolCallId; done: boolean }[];
  turns: number;
  deliveries: string[];
};

type Open =
  | { kind: 'message'; id: MessageId; text: string; lastSeq: number }
  | { kind: 'tools'; id: StepId; calls: NewToolCall[]; lastSeq: number };

/** One try at a turn, as its worker sees it: it may have lost the run without knowing. */
export type Attempt = {
  ref: TurnRef;
  run: RunRow;
  open: Open | null;
  /** It has ended its turn, or found that it lost its run. */
  over: boolean;
};

export type Model = {
  view: View;
  attempts: Attempt[];
  results: TurnResult[];
  /** Functions and code of the step that waits for their results. */
  pending: { id: ToolCallId; type: NewToolCall['type']; stepId: StepId }[];
  /** Each call with its step, also those of steps that have ended. */
  calls: Map<ToolCallId, StepId>;
  reason: RunEnd['reason'];
  overdue: boolean;
};

export function newModel(): Model {
  const events = ['thread.run.created', 'thread.run.queued'];
  const view = { steps: [], messages: [], calls: [], turns: 0, used: 0, deliveries: ['start'] };
  return {
    view: { status: 'queued', owner: null, events, ...view },
    attempts: [],
    results: [],
    pending: [],
    calls: new Map(),
    reason: undefined,
    overdue: false,
  };
}

export const isOver = ({ view: { status } }: Model): boolean =>
  status === 'deleted' || !isActive(status);

export function endOf({ view: { status }, reason }: Model): RunEnd {
  return { kind: 'ended', status, ...(reason === undefined ? {} : { reason }) };
}

export const owns = ({ view }: Model, { ref }: Attempt): boolean =>
  view.owner !== null && view.owner === ref.owner;

/** Turns that a workflow may ask for: those before, again, and the next one once no call waits. */
export function askableTurns({ results, pending }: Model): number {
  return pending.length > 0 ? results.length : results.length + 1;
}

/** What an attempt is told that comes to a turn which has its result, or to a run that is ending. */
export function resultOf(model: Model, turn: number): TurnResult | undefined {
  const { status } = model.view;
  if (status === 'cancelling') return { kind: 'stopped' };
  if (isOver(model)) return endOf(model);
  const result = model.results[turn];
  return result?.kind === 'action' && status !== 'requires_action'
    ? { kind: 'tools', calls: [] }
    : result;
}

/** Of these a thread keeps the last. */
export const CUT_OFF = 'incomplete: run_failed';

/** Ends the open step, and its message with the text that its readers saw. */
export function closeOpen(model: Model, step: string, message: string): void {
  const { view, attempts } = model;
  if (view.steps.at(-1) !== 'in_progress') return;
  const open = view.messages.find(({ status }) => status === 'in_progress');
  if (open !== undefined) {
    open.status = message;
    const seen = attempts.find((one) => one.open?.id === open.id)?.open;
    if (seen?.kind === 'message') open.text = seen.text;
    view.events.push(`thread.message.${message.split(':')[0]}`);
    if (message === CUT_OFF) {
      view.messages = view.messages.filter((one) => one === open || one.status !== CUT_OFF);
    }
  }
  view.steps[view.steps.length - 1] = step;
  view.events.push(`thread.run.step.${step}`);
}

export function moveRun(model: Model, status: RunStatus, reason?: RunEnd['reason']): void {
  model.view.status = status;
  model.view.events.push(`thread.run.${status}`);
  model.reason = reason;
}
