/** Plays one row through the whole system with the official client, and checks what its user is left with. */
import type { AssistantStream } from 'openai/lib/AssistantStream';
import type { Run } from 'openai/resources/beta/threads/runs/runs';
import { expect } from 'vitest';

import type { Message } from '../../wire/types.ts';
import type { Environment } from '../support/environment.ts';
import { checkRun, eventsOf, pendingCalls } from '../support/runs.ts';
import type { Count, Expectation, Row, Sent, Status } from './row.ts';
import { DONE } from './row.ts';
import { assertSound, isObjectText } from './sound-request.ts';

/** A model that calls for ever is left alone after so many pauses. */
const MOST_PAUSES = 6;
const JUNK = /\[object \w+\]|\bundefined\b|^null$/;

type Call = { name: string; arguments: string };
type Played = { runs: Run[]; calls: Call[]; messages: Message[] };

export async function playRow(
  env: Environment,
  row: Row,
  model: string,
  requests: () => Sent[],
): Promise<void> {
  const played = await playTurns(env, row, model);
  const seen = requests();
  checkEnds(played, row.expect);
  checkMessages(played, row.expect);
  checkCalls(played, row.expect);
  expectCount(seen.length, row.expect.requests, 'requests to the model server');
  for (const body of seen) assertSound(body, row);
  row.expect.sent?.(seen);
}

async function playTurns(env: Environment, row: Row, model: string): Promise<Played> {
  const { assistants, threads } = env.client.beta;
  const { instructions = 'Be kind.', tools = [], turns = [['Hi']] } = row;
  const { id: assistant_id } = await assistants.create({ model, instructions, tools });
  const [first = [], ...later] = turns.map((turn) => turn.map(asked));
  const { id: threadId } = await threads.create({ messages: first });
  const played: Played = { runs: [], calls: [], messages: [] };
  for (const turn of [[], ...later]) {
    for (const message of turn) await threads.messages.create(threadId, message);
    const { run, calls } = await playRun(env, row, threadId, assistant_id);
    played.runs.push(run);
    played.calls.push(...calls);
  }
  const listed = await threads.messages.list(threadId, { order: 'asc', limit: 100 });
  played.messages = (listed.data as Message[]).filter(({ role }) => role === 'assistant');
  return played;
}

const asked = (content: string) => ({ role: 'user' as const, content });

/** Follows the run's streams from pause to pause; each pending call is answered. */
async function playRun(
  env: Environment,
  row: Row,
  threadId: string,
  assistant_id: string,
): Promise<{ run: Run; calls: Call[] }> {
  const { runs } = env.client.beta.threads;
  const shown = [];
  const calls: Call[] = [];
  let stream: AssistantStream = runs.stream(threadId, { ...row.run, assistant_id });
  for (;;) {
    shown.push(await eventsOf(stream));
    const run = await stream.finalRun();
    if (run.status !== 'requires_action') {
      await checkRun(env, run, shown);
      return { run, calls };
    }
    const pending = pendingCalls(run);
    calls.push(...pending);
    if (calls.length > MOST_PAUSES) throw new Error('The model calls without an end.');
    stream = runs.submitToolOutputsStream(run.id, {
      thread_id: threadId,
      tool_outputs: pending.map(({ id }) => ({ tool_call_id: id, output: row.output ?? '"ok"' })),
    });
  }
}

function checkEnds(
  { runs }: Played,
  { status = 'completed', error, code, usage }: Expectation,
): void {
  const allowed: Status[] = Array.isArray(status) ? status : [status];
  for (const run of runs) {
    const reason = run.last_error?.message ?? run.incomplete_details?.reason ?? '';
    expect(allowed, `${run.status}: ${reason}`).toContain(run.status);
    if (run.status === 'failed') checkError(run.last_error!.message);
    if (error !== undefined && run.status === 'failed') expect(reason).toMatch(error);
    if (code !== undefined) expect(run.last_error?.code).toBe(code);
    if (usage !== undefined) {
      expect([run.usage?.prompt_tokens, run.usage?.completion_tokens]).toEqual(usage);
    }
  }
}

function checkError(message: string): void {
  expect(message.trim(), 'an error has a reason').not.toBe('');
  expect(message).not.toMatch(JUNK);
  expect(message.isWellFormed() && !message.includes('\u0000'), 'an error is text').toBe(true);
}

function checkMessages({ messages, calls, runs }: Played, expected: Expectation): void {
  const shown = messages.map((message) => ({ ...message, text: textOf(message) }));
  for (const { text, content } of shown) {
    expect(text, 'a message is junk').not.toMatch(JUNK);
    if (content.every(({ type }) => type === 'text')) {
      expect(text.trim(), 'a message is blank').not.toBe('');
    }
  }
  const cut = shown.filter(({ status }) => status !== 'completed').map(({ text }) => text);
  expect(cut.length, `messages that were cut off: ${cut.join(' | ')}`).toBeLessThanOrEqual(
    runs.length,
  );
  if (expected.cut !== undefined) {
    expect(cut).toHaveLength(1);
    expect(cut[0]).toMatch(expected.cut instanceof RegExp ? expected.cut : exactly(expected.cut));
  }
  if (expected.refusal !== undefined) expect(refusalsIn(messages)).toEqual([expected.refusal]);
  if (expected.text === undefined && calls.length === 0) return;
  const whole = shown.filter(({ status }) => status === 'completed').map(({ text }) => text);
  const texts = [expected.text ?? []].flat();
  const completed = runs.every(({ status }) => status === 'completed');
  expect(whole).toEqual(calls.length > 0 && completed ? [...texts, DONE] : texts);
}

const textOf = ({ content }: Message): string =>
  content.map((part) => (part.type === 'text' ? part.text.value : '')).join('');

const refusalsIn = (messages: Message[]): string[] =>
  messages.flatMap(({ content }) =>
    content.flatMap((part) => (part.type === 'refusal' ? [part.refusal] : [])),
  );

function checkCalls({ calls }: Played, { calls: expected }: Expectation): void {
  const wanted = expected ?? [];
  const got = calls.map((call, index) => {
    const asText = typeof wanted[index]?.[1] === 'string';
    if (asText || !isObjectText(call.arguments)) return [call.name, call.arguments];
    return [call.name, JSON.parse(call.arguments) as object];
  });
  expect(got).toEqual(wanted);
}

function expectCount(actual: number, wanted: Count, what: string): void {
  const [least, most] = Array.isArray(wanted) ? wanted : [wanted, wanted];
  expect(actual, what).toBeGreaterThanOrEqual(least);
  expect(actual, what).toBeLessThanOrEqual(most);
}

const exactly = (value: string): RegExp =>
  new RegExp(`^${value.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
