/**
 * One run under observation: how tests create it, wait for moments of it, and judge how it ended. `expectSettled` is
 * the oracle of every fault: whatever was killed, one answer, one end, one legal stream, and nothing left behind.
 */
import { once } from 'node:events';

import type { Client } from '@temporalio/client';
import type OpenAI from 'openai';
import { expect, vi } from 'vitest';

import type { Pool } from '../../db/core/pool.ts';
import { contentOfDeltas } from '../../wire/events.ts';
import type { Message, Run, RunStatus, RunStep } from '../../wire/types.ts';
import { assertLegalStream } from './legal-stream.ts';
import type { FakeModel } from './fake-model.ts';
import { text, toolCalls } from './fake-model.ts';
import type { StreamEvent } from './stream-events.ts';
import { readEvents, readToDone } from './stream-events.ts';

/** A system to test: processes of their own, or all of it in this one. */
export type System = {
  client: OpenAI;
  model: FakeModel;
  pool: Pool;
  temporal: Client;
  fetch(path: string, init?: RequestInit): Promise<Response>;
};

/** What every scripted answer of these tests reports, so that usage counted twice shows. */
export const USAGE = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };

/** One word after the other, with a pause where the test wants it. */
export const say = (value: string) => text(value, { usage: USAGE });

export const callLookup = () =>
  toolCalls([{ name: 'lookup', arguments: { key: 'x' } }], { usage: USAGE });

export const LOOKUP = {
  type: 'function',
  function: { name: 'lookup', parameters: { type: 'object', properties: {} } },
} as const satisfies OpenAI.Beta.AssistantTool;

export type RunRef = { model: string; threadId: string; runId: string };

/** An assistant, a thread with one question, and a run that is queued. Replies are scripted for `model`. */
export async function createRun(
  env: System,
  model: string,
  tools: OpenAI.Beta.AssistantTool[] = [],
): Promise<RunRef> {
  const { id: assistant_id } = await env.client.beta.assistants.create({ model, tools });
  const run = await env.client.beta.threads.createAndRun({
    assistant_id,
    thread: { messages: [{ role: 'user', content: 'What now?' }] },
  });
  return { model, threadId: run.thread_id, runId: run.id };
}

export function eventsOf(
  env: System,
  { threadId, runId }: RunRef,
  lastEventId = 0,
  signal?: AbortSignal,
): Promise<Response> {
  const headers = { 'last-event-id': String(lastEventId) };
  const path = `/v1/threads/${threadId}/runs/${runId}/events`;
  return env.fetch(path, { headers, ...(signal === undefined ? {} : { signal }) });
}

/** A client that reads a stream until the server ends it, or the test leaves. */
export class StreamReader {
  readonly events: StreamEvent[] = [];
  /** `done`: ended as documented. `ended`: closed without it. `broken`: the connection was lost. */
  readonly finished: Promise<'done' | 'ended' | 'broken'>;
  readonly #progress = new EventTarget();

  constructor(response: Response) {
    this.finished = this.#read(response);
  }

  async #read(response: Response): Promise<'done' | 'ended' | 'broken'> {
    try {
      for await (const event of readEvents(response)) {
        if (event.event === 'done') return 'done';
        this.events.push(event);
        this.#progress.dispatchEvent(new Event('event'));
      }
      return 'ended';
    } catch {
      return 'broken';
    }
  }

  get lastId(): number {
    return this.events.at(-1)?.id ?? 0;
  }

  /** Resolves once `count` events of this name have arrived. */
  saw(name: string, count = 1): Promise<void> {
    return this.#until(() => this.events.filter(({ event }) => event === name).length >= count);
  }

  /** Resolves once the first message's deltas have brought exactly this text. */
  sawText(expected: string): Promise<void> {
    return this.#until(() => contentOfDeltas(this.events).map(textIn).join('') === expected);
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) await once(this.#progress, 'event', { signal: AbortSignal.timeout(60_000) });
  }
}

export async function follow(env: System, ref: RunRef): Promise<StreamReader> {
  return new StreamReader(await eventsOf(env, ref));
}

/** Tries until it holds. Recovery from a dead worker takes a heartbeat timeout of six seconds, on a busy computer. */
export function eventually<T>(holds: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(holds, { timeout: 90_000, interval: 50 });
}

export async function untilStatus(
  env: System,
  { threadId, runId }: RunRef,
  status: RunStatus,
): Promise<Run> {
  return eventually(async () => {
    const run = await env.client.beta.threads.runs.retrieve(runId, { thread_id: threadId });
    expect(run.status).toBe(status);
    return run as Run;
  });
}

/** The run's status in the database, for moments at which no API is up. */
export async function untilStored(
  env: System,
  { runId }: RunRef,
  status: RunStatus,
): Promise<void> {
  await eventually(async () => {
    const { rows } = await env.pool.query('select status from runs where id = $1', [runId]);
    expect(rows).toEqual([{ status }]);
  });
}

/** Answers every pending call of a run that waits for its client. */
export async function submitOutputs(env: System, ref: RunRef): Promise<Run> {
  const run = await untilStatus(env, ref, 'requires_action');
  const calls = run.required_action!.submit_tool_outputs.tool_calls;
  const resumed = await env.client.beta.threads.runs.submitToolOutputs(ref.runId, {
    thread_id: ref.threadId,
    tool_outputs: calls.map(({ id }) => ({ tool_call_id: id, output: '42' })),
  });
  return resumed as Run;
}

export type Settled = {
  status?: RunStatus;
  /** The text of the one completed answer; null: there is none. */
  answer: string | null;
  /** Model turns whose usage counts. */
  turns: number;
  /** Tokens of tries that were lost, which count too: of prompts and of completions. */
  lost?: [number, number];
  /** Requests that the model saw. Default: one per turn. */
  modelCalls?: number;
  /** Messages that were cut off, as their readers saw them. */
  cutOff?: string[];
  workflow?: string;
};

/** Waits for the run's end and checks what is stored, what is streamed and what Temporal says. */
export async function expectSettled(
  env: System,
  ref: RunRef,
  expected: Settled,
): Promise<StreamEvent[]> {
  const { status = 'completed', answer, turns, cutOff = [], workflow = 'COMPLETED' } = expected;
  const [prompt, completion] = expected.lost ?? [0, 0];
  await untilStatus(env, ref, status);
  await expectNothingLeft(env, ref, workflow);
  const { threads } = env.client.beta;
  const query = { thread_id: ref.threadId };
  const run = (await threads.runs.retrieve(ref.runId, query)) as Run;
  const steps = (await threads.runs.steps.list(ref.runId, query)).data as RunStep[];
  const messages = (await threads.messages.list(ref.threadId, { order: 'asc' })).data as Message[];
  const written = messages.filter(({ run_id }) => run_id === ref.runId);
  const textsOf = (wanted: string) =>
    written.filter((message) => message.status === wanted).map(({ content }) => textOf(content));
  expect(textsOf('completed')).toEqual(answer === null ? [] : [answer]);
  expect(textsOf('incomplete')).toEqual(cutOff);
  expect(textsOf('in_progress')).toEqual([]);
  expect(steps.filter((step) => step.status === 'in_progress')).toEqual([]);
  expect(run.usage).toMatchObject({
    prompt_tokens: USAGE.prompt_tokens * turns + prompt,
    completion_tokens: USAGE.completion_tokens * turns + completion,
    total_tokens: USAGE.total_tokens * turns + prompt + completion,
  });
  const events = await readToDone(await eventsOf(env, ref));
  assertLegalStream(events, { ends: 'end', stored: { run, steps, messages } });
  expect(env.model.requests(ref.model)).toHaveLength(expected.modelCalls ?? turns);
  expect(env.model.overruns).toEqual([]);
  return events;
}

/** Waits until the usage of a try that was lost is counted: a run that has ended does not change any more. */
export function untilCounted(
  env: System,
  { runId }: RunRef,
  [prompt, completion]: [number, number],
): Promise<void> {
  return eventually(async () => {
    const text = 'select prompt_tokens, completion_tokens from runs where id = $1';
    const { rows } = await env.pool.query(text, [runId]);
    expect(rows).toEqual([{ prompt_tokens: prompt, completion_tokens: completion }]);
  });
}

async function expectNothingLeft(env: System, { runId }: RunRef, workflow: string): Promise<void> {
  const handle = env.temporal.workflow.getHandle(runId);
  await eventually(async () => {
    const left = await env.pool.query('select kind from deliveries where run_id = $1', [runId]);
    expect(left.rows).toEqual([]);
    expect((await handle.describe()).status.name).not.toBe('RUNNING');
  });
  expect((await handle.describe()).status.name).toBe(workflow);
}

function textOf(content: Message['content']): string {
  return content.map(textIn).join('');
}

function textIn(part: Message['content'][number]): string {
  return part.type === 'text' ? part.text.value : part.type;
}
