/**
 * What requests are answered with, for the OpenAPI description. Each schema is held against the official client's type, and
 * named as in the published description.
 */
import { z } from 'zod';

import { attributes, EXTENSION, metadata, responseFormat } from './requests/fields.ts';
import { purposes } from './requests/files.ts';
import { toolChoice, truncationStrategy } from './requests/runs.ts';
import { attachmentTools, staticChunking, tools } from './requests/tools.ts';
import { TRANSITIONS } from './run-status.ts';
import type { SearchResultsPage } from './search-results.ts';
import type * as wire from './types.ts';

const text = z.string();
const integer = z.number().meta({ type: 'integer' });
const list = z.array;
const nullableText = text.nullable();
const nullableInteger = integer.nullable();
const file_id = text;

/** Fields of one kind. */
function each<S extends z.ZodType, K extends string>(schema: S, ...names: K[]): Record<K, S> {
  return Object.fromEntries(names.map((name) => [name, schema])) as Record<K, S>;
}

/** An object with an id and a time. */
function object<N extends string, F extends z.ZodRawShape>(id: string, name: N, fields: F) {
  const common = { id: text, object: z.literal(name), created_at: integer };
  return z.object({ ...common, ...fields }).meta({ id });
}

/** A member of a union. */
function member<N extends string, F extends z.ZodRawShape>(type: N, fields: F) {
  return z.object({ type: z.literal(type), ...fields });
}

const failure = <C extends string>(...codes: C[]) =>
  z.object({ code: z.enum(codes), message: text }).nullable();

const because = <R extends string>(...reasons: R[]) =>
  z.object({ reason: z.enum(reasons) }).nullable();

export const deleted = (name: string) =>
  z.object({ id: text, object: z.literal(name), deleted: z.literal(true) });

export function listOf<T>(item: z.ZodType<T>): z.ZodType<wire.ListEnvelope<T>> {
  const ends = each(nullableText, 'first_id', 'last_id');
  return z.object({ object: z.literal('list'), data: list(item), ...ends, has_more: z.boolean() });
}

const tool_resources = z
  .object({
    code_interpreter: z.object({ file_ids: list(text) }).optional(),
    file_search: z.object({ vector_store_ids: list(text) }).optional(),
  })
  .meta({ id: 'ToolResources' });

/** What a run takes from its assistant. */
const settings = {
  model: text,
  ...each(nullableText, 'instructions', 'reasoning_effort'),
  tools,
  tool_resources,
  metadata,
  ...each(z.number(), 'temperature', 'top_p'),
  response_format: responseFormat,
};

export const assistant: z.ZodType<wire.Assistant> = object('AssistantObject', 'assistant', {
  ...each(nullableText, 'name', 'description'),
  ...settings,
});

export const thread: z.ZodType<wire.Thread> = object('ThreadObject', 'thread', {
  tool_resources,
  metadata,
});

const detail = z.enum(['auto', 'low', 'high']).optional();
const place = { text, ...each(integer, 'start_index', 'end_index') };
const annotation = z.discriminatedUnion('type', [
  member('file_citation', { ...place, file_citation: z.object({ file_id }) }),
  member('file_path', { ...place, file_path: z.object({ file_id }) }),
]);
const content = z.discriminatedUnion('type', [
  member('text', { text: z.object({ value: text, annotations: list(annotation) }) }),
  member('image_file', { image_file: z.object({ file_id, detail }) }),
  member('image_url', { image_url: z.object({ url: text, detail }) }),
  member('refusal', { refusal: text }),
]);

const RUN_ENDS = ['run_cancelled', 'run_expired', 'run_failed'] as const;

export const message: z.ZodType<wire.Message> = object('MessageObject', 'thread.message', {
  thread_id: text,
  ...each(nullableText, 'assistant_id', 'run_id'),
  status: z.enum(['in_progress', 'incomplete', 'completed']),
  incomplete_details: because('content_filter', 'max_tokens', ...RUN_ENDS),
  ...each(nullableInteger, 'completed_at', 'incomplete_at'),
  role: z.enum(['user', 'assistant']),
  content: list(content),
  attachments: list(z.object({ file_id, tools: attachmentTools })),
  metadata,
});

const usage = z
  .object({
    ...each(integer, 'prompt_tokens', 'completion_tokens', 'total_tokens'),
    prompt_token_details: z.object({ cached_tokens: integer }),
    completion_tokens_details: z.object({ reasoning_tokens: integer }),
  })
  .nullable();

const TIMES = ['expires_at', 'cancelled_at', 'failed_at', 'completed_at'] as const;
const requiredCall = member('function', {
  id: text,
  function: z.object({ name: text, arguments: text }),
});

export const run: z.ZodType<wire.Run> = object('RunObject', 'thread.run', {
  ...each(text, 'thread_id', 'assistant_id'),
  status: z.enum(Object.keys(TRANSITIONS) as wire.RunStatus[]),
  ...each(nullableInteger, 'started_at', ...TIMES, 'max_prompt_tokens', 'max_completion_tokens'),
  required_action: member('submit_tool_outputs', {
    submit_tool_outputs: z.object({ tool_calls: list(requiredCall) }),
  }).nullable(),
  last_error: failure('server_error', 'rate_limit_exceeded', 'invalid_prompt'),
  incomplete_details: because('max_completion_tokens', 'max_prompt_tokens'),
  ...settings,
  usage,
  truncation_strategy: truncationStrategy,
  tool_choice: toolChoice,
  parallel_tool_calls: z.boolean(),
});

const textPart = member('text', { text });
const output = z.discriminatedUnion('type', [
  member('logs', { logs: text }),
  member('image', { image: z.object({ file_id }) }),
]);
const ranking_options = z.object({
  ranker: z.enum(['auto', 'default_2024_08_21']),
  score_threshold: z.number(),
});
const found = { file_id, score: z.number(), attributes };
const result = z.object({ ...found, file_name: text, content: list(textPart).optional() });
const toolCall = z.discriminatedUnion('type', [
  member('code_interpreter', {
    id: text,
    code_interpreter: z.object({ input: text, outputs: list(output) }),
  }),
  member('file_search', {
    id: text,
    file_search: z.object({ ranking_options, results: list(result) }),
  }),
  member('function', {
    id: text,
    function: z.object({ name: text, arguments: text, output: nullableText }),
  }),
]);

export const runStep: z.ZodType<wire.RunStep> = object('RunStepObject', 'thread.run.step', {
  ...each(text, 'assistant_id', 'thread_id', 'run_id'),
  type: z.enum(['message_creation', 'tool_calls']),
  status: z.enum(['in_progress', 'cancelled', 'failed', 'completed', 'expired']),
  step_details: z.discriminatedUnion('type', [
    member('message_creation', { message_creation: z.object({ message_id: text }) }),
    member('tool_calls', { tool_calls: list(toolCall) }),
  ]),
  last_error: failure('server_error', 'rate_limit_exceeded'),
  ...each(nullableInteger, ...TIMES, 'expired_at'),
  metadata,
  usage,
});

export const file: z.ZodType<wire.File> = object('OpenAIFile', 'file', {
  filename: text,
  bytes: integer,
  purpose: z.enum([...purposes, 'assistants_output']),
  status: z.literal('processed'),
  status_details: z.null(),
  expires_at: nullableInteger,
});

export const upload: z.ZodType<wire.Upload> = object('Upload', 'upload', {
  ...each(text, 'filename', 'purpose'),
  ...each(integer, 'bytes', 'expires_at'),
  status: z.enum(['pending', 'completed', 'cancelled', 'expired']),
  file: file.nullable(),
});

export const uploadPart: z.ZodType<wire.UploadPart> = object('UploadPart', 'upload.part', {
  upload_id: text,
});

export const model: z.ZodType<wire.Model> = z
  .object({ ...each(text, 'id', 'owned_by'), object: z.literal('model'), created: integer })
  .meta({ id: 'Model' });

export const modelList = z.object({ object: z.literal('list'), data: list(model) });

const file_counts = z.object(
  each(integer, 'in_progress', 'completed', 'failed', 'cancelled', 'total'),
);

export const vectorStore: z.ZodType<wire.VectorStore> = object(
  'VectorStoreObject',
  'vector_store',
  {
    ...each(nullableText, 'name', 'description'),
    usage_bytes: integer,
    file_counts,
    status: z.enum(['expired', 'in_progress', 'completed']),
    expires_after: z.object({ anchor: z.literal('last_active_at'), days: integer }).nullable(),
    ...each(nullableInteger, 'expires_at', 'last_active_at'),
    metadata,
  },
);

const progress = z.enum(['in_progress', 'completed', 'cancelled', 'failed']);

export const vectorStoreFile: z.ZodType<wire.VectorStoreFile> = object(
  'VectorStoreFileObject',
  'vector_store.file',
  {
    vector_store_id: text,
    usage_bytes: integer,
    status: progress,
    last_error: failure('server_error', 'unsupported_file', 'invalid_file'),
    chunking_strategy: member('static', { static: staticChunking }),
    attributes,
  },
);

export const vectorStoreFileBatch: z.ZodType<wire.VectorStoreFileBatch> = object(
  'VectorStoreFileBatchObject',
  'vector_store.files_batch',
  { vector_store_id: text, status: progress, file_counts },
);

export const fileContentPage: z.ZodType<wire.FileContentPage> = z.object({
  object: z.literal('vector_store.file_content.page'),
  data: list(textPart),
  has_more: z.boolean(),
  next_page: nullableText,
});

const searchResult = z.object({
  ...found,
  filename: text,
  content: list(textPart),
  'x-threadmill': z
    .object({
      ...each(integer, 'chunk', 'start', 'end'),
      page: nullableInteger,
      scores: z.object(each(z.number().optional(), 'vector', 'lexical', 'fused')),
    })
    .meta(EXTENSION),
});

export const searchResultsPage: z.ZodType<SearchResultsPage> = z.object({
  object: z.literal('vector_store.search_results.page'),
  search_query: list(text),
  data: list(searchResult),
  has_more: z.literal(false),
  next_page: z.null(),
  'x-threadmill': z
    .discriminatedUnion('mode', [
      z.object({ mode: z.literal('hybrid') }),
      z.object({ mode: z.literal('lexical'), reason: text }),
    ])
    .meta(EXTENSION),
});

export const errorAnswer = z
  .object({
    error: z.object({ ...each(text, 'message', 'type'), ...each(nullableText, 'param', 'code') }),
  })
  .meta({ id: 'ErrorResponse' });
