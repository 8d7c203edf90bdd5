/**
 * The events of a stream and their schemas. The description at hand leaves streams out: these are the types of the official
 * client, which are generated from it, written as schemas.
 */
import type { AssistantStreamEvent } from 'openai/resources/beta/assistants';

import type { Published } from './published.ts';

type EventName = AssistantStreamEvent['event'];

const text = { type: 'string' };
const integer = { type: 'integer' };
const fileId = { type: 'object', properties: { file_id: text } };
const detail = { type: 'string', enum: ['auto', 'low', 'high'] };
const ref = (name: string) => ({ $ref: `#/$defs/${name}` });
const list = (...names: string[]) => ({ type: 'array', items: { oneOf: names.map(ref) } });

/** An entry of a list that grows by deltas. */
const entry = (type: string, properties: Record<string, Published>, required: string[] = []) => ({
  type: 'object',
  properties: { index: integer, type: { type: 'string', enum: [type] }, ...properties },
  required: ['index', 'type', ...required],
});

const annotation = (type: string, cited: Record<string, Published>) =>
  entry(type, {
    text,
    start_index: { type: 'integer', minimum: 0 },
    end_index: { type: 'integer', minimum: 0 },
    [type]: { type: 'object', properties: cited },
  });

const delta = (object: string, properties: Record<string, Published>) => ({
  type: 'object',
  properties: {
    id: text,
    object: { type: 'string', enum: [object] },
    delta: { type: 'object', properties },
  },
  required: ['id', 'object', 'delta'],
});

export const STREAM_DEFINITIONS: Readonly<Record<string, Published>> = {
  MessageDelta: delta('thread.message.delta', {
    role: { type: 'string', enum: ['user', 'assistant'] },
    content: list('ImageFileDelta', 'ImageUrlDelta', 'TextDelta', 'RefusalDelta'),
  }),
  ImageFileDelta: entry('image_file', {
    image_file: { type: 'object', properties: { file_id: text, detail } },
  }),
  ImageUrlDelta: entry('image_url', {
    image_url: { type: 'object', properties: { url: text, detail } },
  }),
  TextDelta: entry('text', {
    text: {
      type: 'object',
      properties: { value: text, annotations: list('FileCitationDelta', 'FilePathDelta') },
    },
  }),
  RefusalDelta: entry('refusal', { refusal: text }),
  FileCitationDelta: annotation('file_citation', { file_id: text, quote: text }),
  FilePathDelta: annotation('file_path', { file_id: text }),
  RunStepDelta: delta('thread.run.step.delta', {
    step_details: { oneOf: [ref('MessageCreationDelta'), ref('ToolCallsDelta')] },
  }),
  MessageCreationDelta: {
    type: 'object',
    properties: {
      type: { type: 'string', enum: ['message_creation'] },
      message_creation: { type: 'object', properties: { message_id: text } },
    },
    required: ['type'],
  },
  ToolCallsDelta: {
    type: 'object',
    properties: {
      type: { type: 'string', enum: ['tool_calls'] },
      tool_calls: list('CodeCallDelta', 'FileSearchCallDelta', 'FunctionCallDelta'),
    },
    required: ['type'],
  },
  CodeCallDelta: entry('code_interpreter', {
    id: text,
    code_interpreter: {
      type: 'object',
      properties: { input: text, outputs: list('CodeLogsDelta', 'CodeImageDelta') },
    },
  }),
  CodeLogsDelta: entry('logs', { logs: text }),
  CodeImageDelta: entry('image', { image: fileId }),
  FileSearchCallDelta: entry('file_search', { id: text, file_search: { type: 'object' } }, [
    'file_search',
  ]),
  FunctionCallDelta: entry('function', {
    id: text,
    function: {
      type: 'object',
      properties: {
        name: text,
        arguments: text,
        output: { anyOf: [text, { type: 'null' }] },
      },
    },
  }),
};

/** The schema of each event's `data`. `done`, which ends a stream, has none. */
export const EVENT_SCHEMAS: Readonly<Record<EventName, string>> = {
  'thread.created': 'ThreadObject',
  'thread.run.created': 'RunObject',
  'thread.run.queued': 'RunObject',
  'thread.run.in_progress': 'RunObject',
  'thread.run.requires_action': 'RunObject',
  'thread.run.completed': 'RunObject',
  'thread.run.incomplete': 'RunObject',
  'thread.run.failed': 'RunObject',
  'thread.run.cancelling': 'RunObject',
  'thread.run.cancelled': 'RunObject',
  'thread.run.expired': 'RunObject',
  'thread.run.step.created': 'RunStepObject',
  'thread.run.step.in_progress': 'RunStepObject',
  'thread.run.step.delta': 'RunStepDelta',
  'thread.run.step.completed': 'RunStepObject',
  'thread.run.step.failed': 'RunStepObject',
  'thread.run.step.cancelled': 'RunStepObject',
  'thread.run.step.expired': 'RunStepObject',
  'thread.message.created': 'MessageObject',
  'thread.message.in_progress': 'MessageObject',
  'thread.message.delta': 'MessageDelta',
  'thread.message.completed': 'MessageObject',
  'thread.message.incomplete': 'MessageObject',
  error: 'Error',
};
