/** The spans of a run's timeline in their order. Times are in milliseconds. */
import type { Run } from 'openai/resources/beta/threads/runs/runs';
import type { RunStep } from 'openai/resources/beta/threads/runs/steps';

import type { Explanation, Lost, Turn } from './use-explanation.ts';

export type Span = {
  kind: 'queue' | 'model' | 'lost' | 'tools' | 'pause';
  from: number;
  to: number;
  turn?: number;
  tokens?: Turn['usage'];
  error?: Pick<Lost, 'error' | 'status'>;
};

/** Rows have times in seconds, requests to the model in milliseconds. */
export function spansOf(run: Run, steps: RunStep[], explained: Explanation, now: number): Span[] {
  const end = (run.completed_at ?? run.failed_at ?? run.cancelled_at) || now / 1_000;
  // A run that paused has started again since.
  const first = explained.turns[0] && requestsOf(explained.turns[0])[0]?.from;
  const left = Math.min(run.started_at ?? end, (first ?? Infinity) / 1_000);
  const queue = { kind: 'queue' as const, ...ms(run.created_at, left) };
  const known = new Map(steps.map((step) => [step.id, step]));
  return [
    queue,
    ...explained.turns.flatMap((turn) => {
      const requests = requestsOf(turn);
      const asked = requests.at(-1)?.to ?? 0;
      const tools = turn.steps.flatMap((id) => known.get(id) ?? []);
      return [...requests, ...tools.flatMap((step) => toolsOf(step, asked, end))];
    }),
  ];
}

/** A step begins while the model still writes its calls. */
function toolsOf(step: RunStep, asked: number, end: number): Span[] {
  const { type, created_at: created, completed_at, failed_at, cancelled_at } = step;
  if (type !== 'tool_calls') return [];
  const from = Math.max(created * 1_000, asked);
  const to = (completed_at ?? failed_at ?? cancelled_at ?? end) * 1_000;
  return [{ kind: isPause(step) ? 'pause' : 'tools', from, to: Math.max(from, to) }];
}

const ms = (from: number, to: number) => ({ from: from * 1_000, to: Math.max(from, to) * 1_000 });

function requestsOf({ turn, request, lost_requests: lost, usage: tokens }: Turn): Span[] {
  const spans = lost.map(({ sent_at: from, duration_ms: took, error, status }): Span => {
    return { kind: 'lost', from, to: from + took, turn, error: { error, status } };
  });
  if (request === null) return spans;
  const { sent_at: from, duration_ms: took } = request;
  return [...spans, { kind: 'model', from, to: from + took, turn, tokens }];
}

/** The client calls functions, and the run waits for it. */
function isPause({ step_details: details }: RunStep): boolean {
  return (
    details.type === 'tool_calls' && details.tool_calls.some(({ type }) => type === 'function')
  );
}
