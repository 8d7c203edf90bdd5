/** The rules for one object inside a stream: its keys, and what its status says about its other fields. */
import { deepStrictEqual, equal } from 'node:assert/strict';

import type { Text } from 'openai/resources/beta/threads/messages';

import { isActive } from '../../wire/run-status.ts';
import type { Message, Run, RunStep } from '../../wire/types.ts';

/** In wire order. */
const RUN_KEYS = [
  'id, object, created_at, assistant_id, thread_id, status, started_at, expires_at, cancelled_at, failed_at',
  'completed_at, required_action, last_error, model, instructions, tools, tool_resources, metadata, temperature',
  'top_p, reasoning_effort, max_completion_tokens, max_prompt_tokens, truncation_strategy, incomplete_details',
  'usage, response_format, tool_choice, parallel_tool_calls',
].flatMap((line) => line.split(', '));

const STEP_KEYS = [
  'id, object, created_at, run_id, assistant_id, thread_id, type, status, cancelled_at, completed_at, expired_at',
  'expires_at, failed_at, last_error, step_details, usage, metadata',
].flatMap((line) => line.split(', '));

const MESSAGE_KEYS = [
  'id, object, created_at, assistant_id, thread_id, run_id, status, incomplete_details, incomplete_at, completed_at',
  'role, content, attachments, metadata',
].flatMap((line) => line.split(', '));

const USAGE_KEYS = [
  'completion_tokens',
  'completion_tokens_details',
  'prompt_token_details',
  'prompt_tokens',
  'total_tokens',
];

/** `before` is the run as an earlier event showed it: what a client set does not change. */
export function checkRun(run: Run, before: Run | undefined): void {
  deepStrictEqual(Object.keys(run), RUN_KEYS);
  equal(run.object, 'thread.run');
  const ended = !isActive(run.status);
  equal(run.expires_at === null, ended, 'expires_at is null exactly when the run has ended');
  equal(run.usage !== null, ended, 'usage is there exactly when the run has ended');
  equal(run.required_action !== null, run.status === 'requires_action', 'required_action');
  equal(run.completed_at !== null, run.status === 'completed', 'completed_at');
  equal(run.failed_at !== null, run.status === 'failed', 'failed_at');
  equal(run.last_error !== null, run.status === 'failed', 'last_error');
  equal(run.cancelled_at !== null, run.status === 'cancelled', 'cancelled_at');
  equal(run.incomplete_details !== null, run.status === 'incomplete', 'incomplete_details');
  if (run.status === 'in_progress') equal(typeof run.started_at, 'number', 'started_at');
  if (run.usage !== null) {
    const { prompt_tokens, completion_tokens, total_tokens } = run.usage;
    equal(total_tokens, prompt_tokens + completion_tokens, 'total_tokens');
  }
  if (before !== undefined) deepStrictEqual(fixedPart(run), fixedPart(before));
}

function fixedPart(run: Run): unknown[] {
  const { id, created_at, assistant_id, thread_id, model, instructions, tools, tool_choice } = run;
  return [id, created_at, assistant_id, thread_id, model, instructions, tools, tool_choice];
}

/** `name` is the event's: `created`, or the status. */
export function checkStep(step: RunStep, run: Run | undefined, name: string): void {
  deepStrictEqual(Object.keys(step), STEP_KEYS);
  equal(step.object, 'thread.run.step');
  if (name !== 'created' || step.status === 'in_progress') {
    equal(step.status, name === 'created' ? 'in_progress' : name, 'status');
  }
  equal(step.type, step.step_details.type, 'type');
  const open = step.status === 'in_progress';
  equal(step.completed_at !== null, step.status === 'completed', 'completed_at');
  equal(step.failed_at !== null, step.status === 'failed', 'failed_at');
  equal(step.cancelled_at !== null, step.status === 'cancelled', 'cancelled_at');
  equal(step.expired_at !== null, step.status === 'expired', 'expired_at');
  equal(step.last_error !== null, step.status === 'failed', 'last_error');
  equal(step.expires_at !== null, open, 'expires_at');
  if (step.usage !== null) deepStrictEqual(Object.keys(step.usage).sort(), USAGE_KEYS);
  if (open) equal(step.usage, null, 'an open step has no usage');
  if (open && step.step_details.type === 'tool_calls') {
    deepStrictEqual(step.step_details.tool_calls, [], 'a step begins without tool calls');
  }
  if (run !== undefined) checkOwner(step, run);
}

export function checkMessage(message: Message, run: Run | undefined, name: string): void {
  deepStrictEqual(Object.keys(message), MESSAGE_KEYS);
  equal(message.object, 'thread.message');
  equal(message.role, 'assistant', 'a run writes as the assistant');
  if (name !== 'created' || message.status === 'in_progress') {
    equal(message.status, name === 'created' ? 'in_progress' : name, 'status');
  }
  equal(message.completed_at !== null, message.status === 'completed', 'completed_at');
  equal(message.incomplete_at !== null, message.status === 'incomplete', 'incomplete_at');
  equal(message.incomplete_details !== null, message.status === 'incomplete', 'incomplete_details');
  if (run !== undefined) checkOwner(message, run);
  for (const part of message.content) if (part.type === 'text') checkAnnotations(part.text);
}

/** Indices count code points, so that they point at exactly the annotation's text. */
function checkAnnotations({ value, annotations }: Text): void {
  const characters = Array.from(value);
  let after = 0;
  let linked = false;
  for (const { type, text, start_index: start, end_index: end } of annotations) {
    // Citations come with the text, links when it has ended.
    if (type === 'file_path' && !linked) [linked, after] = [true, 0];
    equal(type, linked ? 'file_path' : 'file_citation');
    equal(characters.slice(start, end).join(''), text, 'an annotation points at its text');
    equal(start >= after, true, 'annotations are in order');
    after = end;
  }
}

function checkOwner(
  object: { run_id: string | null; thread_id: string; assistant_id: string | null },
  run: Run,
): void {
  equal(object.run_id, run.id, 'run_id');
  equal(object.thread_id, run.thread_id, 'thread_id');
  equal(object.assistant_id, run.assistant_id, 'assistant_id');
}
