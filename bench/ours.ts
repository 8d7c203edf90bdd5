/** Runs of ours through HTTP, as the bench starts and times them. */
import type { RunEvent } from '../wire/types.ts';
import { preciseNow } from '../test/support/fake-timing.ts';
import type { Kind } from './bare/activities.ts';
import type { Moment, Template } from './bare/writes.ts';
import type { Target } from './http.ts';
import { call, inParallel, stream } from './http.ts';
import type { Stack } from './stack.ts';

export type Assistants = Record<Kind, string>;

export type OurRun = {
  runId: string;
  /** From the request until the first `thread.message.delta`, ms. */
  firstTextMs: number;
  /** … until `done`; for a tool run, that of the second request. */
  endMs: number;
  /** When the tool outputs were sent, ms since the epoch. */
  submittedAt: number | undefined;
};

const INSTRUCTIONS = 'Say something.';

export async function createAssistants(api: Target): Promise<Assistants> {
  const create = (tools: object[]) =>
    call<{ id: string }>(api, '/assistants', {
      model: 'fake:n=1',
      instructions: INSTRUCTIONS,
      tools,
    });
  const lookup = { type: 'function', function: { name: 'lookup', parameters: { type: 'object' } } };
  const [plain, tool] = await Promise.all([create([]), create([lookup])]);
  return { plain: plain.id, tool: tool.id };
}

/** Threads with one message each, made ahead: a conversation is there before its next run. */
export function createThreads(api: Target, count: number): Promise<string[]> {
  const body = { messages: [{ role: 'user', content: 'Say something.' }] };
  return inParallel(count, 8, async () => (await call<{ id: string }>(api, '/threads', body)).id);
}

/** One run, streamed to its end. A tool run answers its one function call at once. */
export async function runOurs(
  api: Target,
  threadId: string,
  assistantId: string,
  model: string,
): Promise<OurRun> {
  const started = performance.now();
  const seen = { runId: '', firstTextMs: Number.NaN, calls: [] as string[], status: '' };
  const onEvent = (event: string, data: string) => {
    if (event === 'thread.message.delta') {
      if (Number.isNaN(seen.firstTextMs)) seen.firstTextMs = performance.now() - started;
    } else if (event.startsWith('thread.run.') && !event.startsWith('thread.run.step.')) {
      if (event !== 'thread.run.created' && event !== 'thread.run.requires_action') {
        seen.status = event;
        return;
      }
      const run = JSON.parse(data) as RunData;
      seen.runId = run.id;
      seen.calls = run.required_action?.submit_tool_outputs.tool_calls.map(({ id }) => id) ?? [];
    }
  };
  const path = `/threads/${threadId}/runs`;
  await stream(api, path, { assistant_id: assistantId, model, stream: true }, onEvent);
  let submittedAt: number | undefined;
  if (seen.calls.length > 0) {
    const outputs = seen.calls.map((id) => ({ tool_call_id: id, output: 'done' }));
    submittedAt = preciseNow();
    await stream(
      api,
      `${path}/${seen.runId}/submit_tool_outputs`,
      { tool_outputs: outputs, stream: true },
      onEvent,
    );
  }
  if (seen.status !== 'thread.run.completed') {
    throw new Error(`Run ${seen.runId} ended with ${seen.status}.`);
  }
  return {
    runId: seen.runId,
    firstTextMs: seen.firstTextMs,
    endMs: performance.now() - started,
    submittedAt,
  };
}

type RunData = {
  id: string;
  required_action: { submit_tool_outputs: { tool_calls: { id: string }[] } } | null;
};

/** The same answer without us: ms to the first text and to the end of the model's stream. */
export async function runDirect(
  model: Target,
  id: string,
): Promise<{ firstTextMs: number; endMs: number }> {
  const started = performance.now();
  let firstTextMs = Number.NaN;
  const body = {
    model: id,
    stream: true,
    stream_options: { include_usage: true },
    messages: [
      { role: 'system', content: INSTRUCTIONS },
      { role: 'user', content: 'Say something.' },
    ],
  };
  await stream(model, '/chat/completions', body, (_event, data) => {
    if (Number.isNaN(firstTextMs) && /"content":"[^"]/.test(data)) {
      firstTextMs = performance.now() - started;
    }
  });
  return { firstTextMs, endMs: performance.now() - started };
}

/** The events of a tool run of ours, by the transaction that wrote them: what the baseline writes too. */
export async function recordTemplate(stack: Stack, assistants: Assistants): Promise<Template> {
  const [threadId] = await createThreads(stack.api, 1);
  const run = await runOurs(stack.api, threadId!, assistants.tool, 'fake:n=1,tools=1,seed=1');
  const { rows } = await stack.pool.query<{ event: RunEvent['event']; data: string }>(
    'select event, data from run_events where run_id = $1 order by seq',
    [run.runId],
  );
  let from = 0;
  const take = (count: number) => {
    const part = rows.slice(from, (from += count));
    return { event: part.map((row) => row.event), data: part.map((row) => row.data) };
  };
  const counts = { create: 2, claim: 1, openTools: 3, delta: 1, pause: 1, submit: 2 };
  const template = Object.fromEntries(
    Object.entries(counts).map(([moment, count]) => [moment, take(count)]),
  ) as Template;
  from += counts.claim;
  Object.assign(template, { open: take(5), finish: take(3) } satisfies Partial<
    Record<Moment, object>
  >);
  if (from !== rows.length || template.finish.event.at(-1) !== 'thread.run.completed') {
    throw new Error(`A tool run writes other events than bench/ours.ts expects: ${rows.length}.`);
  }
  return template;
}
