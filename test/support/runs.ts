/** What most API tests need: an assistant with a model of its own, a thread, and a run whose stream is checked. */
import { deepStrictEqual } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import type { AssistantStream } from 'openai/lib/AssistantStream';
import type {
  Assistant,
  AssistantCreateParams,
  AssistantStreamEvent,
  AssistantTool,
} from 'openai/resources/beta/assistants';
import type { Run as SdkRun } from 'openai/resources/beta/threads/runs/runs';

import type { Message, Run, RunStep } from '../../wire/types.ts';
import type { Environment } from './environment.ts';
import type { Reply } from './fake-model.ts';
import type { LegalStreamOptions } from './legal-stream.ts';
import { assertLegalStream } from './legal-stream.ts';
import { readEvents, readToDone } from './stream-events.ts';
import type { StreamEvent } from './stream-events.ts';

export type Setup = { assistant: Assistant; threadId: string; model: string };

export const WEATHER = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'The weather in a city.',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
    },
  },
} satisfies AssistantTool;

export const CODE = { type: 'code_interpreter' } satisfies AssistantTool;

/** An assistant whose model nobody else scripts, and a thread with one question. */
export async function setUp(
  env: Environment,
  replies: Reply[],
  fields: Partial<AssistantCreateParams> = {},
  question = 'Hi',
): Promise<Setup> {
  const model = `m-${randomUUID()}`;
  env.model.script(model, ...replies);
  const assistant = await env.client.beta.assistants.create({
    model,
    instructions: 'Be kind.',
    ...fields,
  });
  const thread = await env.client.beta.threads.create({
    messages: [{ role: 'user', content: question }],
  });
  return { assistant, threadId: thread.id, model };
}

/** Everything a helper's stream showed, once it ended. */
export async function eventsOf(stream: AssistantStream): Promise<AssistantStreamEvent[]> {
  const events: AssistantStreamEvent[] = [];
  stream.on('event', (event) => events.push(structuredClone(event)));
  await stream.done();
  return events;
}

type RunRef = { id: string; thread_id: string };

/** A run's own log, as far as it goes: it follows a run that is under way to its end. */
export async function readLog(env: Environment, run: RunRef): Promise<StreamEvent[]> {
  return readToDone(await openLog(env, run));
}

export function openLog(
  env: Environment,
  run: RunRef,
  query = '',
  headers: Record<string, string> = {},
): Promise<Response> {
  return env.fetch(`/v1/threads/${run.thread_id}/runs/${run.id}/events${query}`, { headers });
}

/** Reads the run's log until `event` has been stored. */
export async function reached(env: Environment, run: RunRef, event: string): Promise<void> {
  const response = await openLog(env, run);
  for await (const { event: name } of readEvents(response)) {
    if (name === event) return; // Leaving the loop closes the connection.
  }
  throw new Error(`The run ended before ${event}.`);
}

export type Stored = { run: Run; steps: RunStep[]; messages: Message[] };

/** What REST says of a run: its steps and messages oldest first. */
export async function readStored(env: Environment, { id, thread_id }: RunRef): Promise<Stored> {
  const { threads } = env.client.beta;
  const run = await threads.runs.retrieve(id, { thread_id });
  const steps = await threads.runs.steps.list(id, { thread_id, order: 'asc', limit: 100 });
  const messages = await threads.messages.list(thread_id, {
    run_id: id,
    order: 'asc',
    limit: 100,
  });
  return {
    run: run as Run,
    steps: steps.data as RunStep[],
    messages: messages.data as Message[],
  };
}

/**
 * Checks the whole log of a run that has ended against the rules and against what is stored. With `streams`, also that
 * these, one after the other, showed exactly the log.
 */
export async function checkRun(
  env: Environment,
  run: RunRef,
  streams?: { event: string; data: unknown }[][],
  options: LegalStreamOptions = {},
): Promise<Stored & { log: StreamEvent[] }> {
  const log = await readLog(env, run);
  const stored = await readStored(env, run);
  assertLegalStream(log, { ends: 'end', stored, ...options });
  let after = 0;
  for (const stream of streams ?? []) {
    const part = log.slice(after, after + stream.length);
    deepStrictEqual(
      stream.map(({ event, data }) => ({ event, data })),
      part.map(({ event, data }) => ({ event, data })),
    );
    assertLegalStream(part, { after });
    after += stream.length;
  }
  if (streams !== undefined) deepStrictEqual(after, log.length);
  return { ...stored, log };
}

/** The pending calls of a run that waits for its client. */
export function pendingCalls(run: SdkRun): { id: string; name: string; arguments: string }[] {
  const calls = run.required_action?.submit_tool_outputs.tool_calls;
  if (calls === undefined) throw new Error(`The run is ${run.status} and waits for nothing.`);
  return calls.map((call) => ({ id: call.id, ...call.function }));
}

/** Every pending call answered with `output`. */
export function outputsFor(
  run: SdkRun,
  output = 'done',
): { tool_call_id: string; output: string }[] {
  return pendingCalls(run).map(({ id }) => ({ tool_call_id: id, output }));
}
