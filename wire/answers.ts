/**
 * The objects of the wire, their fields in the recorded order. Each schema is named as in the published description, and
 * the compiler holds it against the official client's type. `types.ts` has the types, `/openapi.json` the description.
 */
import type { OpenAI } from 'openai';
import { z } from 'zod';

import type { Id, IdKind } from './ids.ts';
import {
  attributes,
  imageDetail,
  metadata,
  responseFormat,
  toolChoice,
  truncationStrategy,
} from './requests/fields.ts';
import { purpose } from './requests/files.ts';
import {
  attachmentTools,
  staticChunking,
  storedToolResources as tool_resources,
  tools,
} from './requests/tools.ts';

/** The client's type has no null for these fields, and the wire does. */
type OrNull<T, K extends keyof T> = Omit<T, K> & { [key in K]: T[key] | null };

export const text = z.string();
export const integer = z.number().meta({ type: 'integer' });
const list = z.array;
export const nullableText = text.nullable();
export const nullableInteger = integer.nullable();
const file_id = text;

/** An id of this kind, for the compiler: what a client sends is checked elsewhere. */
export const idOf = <Kind extends IdKind>(_kind: Kind) => text as unknown as z.ZodType<Id<Kind>>;
const assistant_id = idOf('assistant');
const thread_id = idOf('thread');
const message_id = idOf('message');
const run_id = idOf('run');
const vector_store_id = idOf('vector_store');

/** Fields of one kind. */
export function each<S extends z.ZodType, K extends string>(kind: S, ...names: K[]): Record<K, S> {
  return Object.fromEntries(names.map((name) => [name, kind])) as Record<K, S>;
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

export function listOf<T>(item: z.ZodType<T>) {
  const ends = each(nullableText, 'first_id', 'last_id');
  return z.object({ object: z.literal('list'), data: list(item), ...ends, has_more: z.boolean() });
}

export const assistant = object('AssistantObject', 'assistant', {
  id: assistant_id,
  name: nullableText,
  description: nullableText,
  model: text,
  instructions: nullableText,
  tools,
  top_p: z.number(),
  temperature: z.number(),
  reasoning_effort: nullableText,
  tool_resources,
  metadata,
  response_format: responseFormat,
}) satisfies z.ZodType<OpenAI.Beta.Assistant>;

export const thread = object('ThreadObject', 'thread', {
  id: thread_id,
  metadata,
  tool_resources,
}) satisfies z.ZodType<OpenAI.Beta.Thread>;

const place = { text, ...each(integer, 'start_index', 'end_index') };
const annotation = z.discriminatedUnion('type', [
  member('file_citation', { ...place, file_citation: z.object({ file_id }) }),
  member('file_path', { ...place, file_path: z.object({ file_id }) }),
]);
const content = z.discriminatedUnion('type', [
  member('text', { text: z.object({ value: text, annotations: list(annotation) }) }),
  member('image_file', { image_file: z.object({ file_id, detail: imageDetail }) }),
  member('image_url', { image_url: z.object({ url: text, detail: imageDetail }) }),
  member('refusal', { refusal: text }),
]);

const RUN_ENDS = ['run_cancelled', 'run_expired', 'run_failed'] as const;

export const message = object('MessageObject', 'thread.message', {
  id: message_id,
  assistant_id: assistant_id.nullable(),
  thread_id,
  run_id: run_id.nullable(),
  status: z.enum(['in_progress', 'incomplete', 'completed']),
  incomplete_details: because('content_filter', 'max_tokens', ...RUN_ENDS),
  ...each(nullableInteger, 'incomplete_at', 'completed_at'),
  role: z.enum(['user', 'assistant']),
  content: list(content),
  attachments: list(z.object({ file_id, tools: attachmentTools })),
  metadata,
}) satisfies z.ZodType<OpenAI.Beta.Threads.Message>;

const usage = z
  .object({
    ...each(integer, 'prompt_tokens', 'completion_tokens', 'total_tokens'),
    prompt_token_details: z.object({ cached_tokens: integer }),
    completion_tokens_details: z.object({ reasoning_tokens: integer }),
  })
  .nullable();

const RUN_STATUSES = [
  'queued',
  'in_progress',
  'requires_action',
  'cancelling',
  'cancelled',
  'completed',
  'incomplete',
  'failed',
  'expired',
] as const;
const requiredCall = member('function', {
  id: text,
  function: z.object({ name: text, arguments: text }),
});

/** `expires_after` is never echoed. */
export const run = object('RunObject', 'thread.run', {
  id: run_id,
  assistant_id,
  thread_id,
  status: z.enum(RUN_STATUSES),
  ...each(nullableInteger, 'started_at', 'expires_at', 'cancelled_at', 'failed_at', 'completed_at'),
  required_action: member('submit_tool_outputs', {
    submit_tool_outputs: z.object({ tool_calls: list(requiredCall) }),
  }).nullable(),
  last_error: failure('server_error', 'rate_limit_exceeded', 'invalid_prompt'),
  model: text,
  instructions: nullableText,
  tools,
  tool_resources,
  metadata,
  temperature: z.number(),
  top_p: z.number(),
  reasoning_effort: nullableText,
  ...each(nullableInteger, 'max_completion_tokens', 'max_prompt_tokens'),
  truncation_strategy: truncationStrategy,
  incomplete_details: because('max_completion_tokens', 'max_prompt_tokens'),
  usage,
  response_format: responseFormat,
  tool_choice: toolChoice,
  parallel_tool_calls: z.boolean(),
}) satisfies z.ZodType<OrNull<OpenAI.Beta.Threads.Run, 'instructions'>>;

const textPart = member('text', { text });
const codeOutput = z.discriminatedUnion('type', [
  member('logs', { logs: text }),
  member('image', { image: z.object({ file_id }) }),
]);
const ranking_options = z.object({
  ranker: z.enum(['auto', 'default_2024_08_21']),
  score_threshold: z.number(),
});
const result = z.object({
  file_id,
  file_name: text,
  score: z.number(),
  attributes,
  content: list(textPart).optional(),
});
const toolCall = z.discriminatedUnion('type', [
  member('code_interpreter', {
    id: text,
    code_interpreter: z.object({ input: text, outputs: list(codeOutput) }),
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

export const runStep = object('RunStepObject', 'thread.run.step', {
  id: idOf('run_step'),
  run_id,
  assistant_id,
  thread_id,
  type: z.enum(['message_creation', 'tool_calls']),
  status: z.enum(['in_progress', 'cancelled', 'failed', 'completed', 'expired']),
  ...each(nullableInteger, 'cancelled_at', 'completed_at', 'expired_at', 'expires_at', 'failed_at'),
  last_error: failure('server_error', 'rate_limit_exceeded'),
  step_details: z.discriminatedUnion('type', [
    member('message_creation', { message_creation: z.object({ message_id: text }) }),
    member('tool_calls', { tool_calls: list(toolCall) }),
  ]),
  usage,
  metadata,
}) satisfies z.ZodType<OpenAI.Beta.Threads.Runs.RunStep>;

export const file = z
  .object({
    object: z.literal('file'),
    id: idOf('file'),
    purpose: z.enum([...purpose.options, 'assistants_output', 'batch_output']),
    filename: text,
    bytes: integer,
    created_at: integer,
    expires_at: nullableInteger,
    status: z.literal('processed'),
    status_details: z.null(),
  })
  .meta({ id: 'OpenAIFile' }) satisfies z.ZodType<
  Omit<OpenAI.Files.FileObject, 'purpose' | 'expires_at' | 'status_details'>
>;

export const upload = object('Upload', 'upload', {
  filename: text,
  bytes: integer,
  purpose: text,
  status: z.enum(['pending', 'completed', 'cancelled', 'expired']),
  expires_at: integer,
  file: file.nullable(),
}) satisfies z.ZodType<Omit<OpenAI.Uploads.Upload, 'file'>>;

export const uploadPart = object('UploadPart', 'upload.part', {
  upload_id: text,
}) satisfies z.ZodType<OpenAI.Uploads.UploadPart>;

export const model = z
  .object({ ...each(text, 'id', 'owned_by'), object: z.literal('model'), created: integer })
  .meta({ id: 'Model' }) satisfies z.ZodType<OpenAI.Models.Model>;

export const modelList = z.object({ object: z.literal('list'), data: list(model) });

const file_counts = z.object(
  each(integer, 'in_progress', 'completed', 'failed', 'cancelled', 'total'),
);

export const vectorStore = object('VectorStoreObject', 'vector_store', {
  id: vector_store_id,
  ...each(nullableText, 'name', 'description'),
  usage_bytes: integer,
  file_counts,
  status: z.enum(['expired', 'in_progress', 'completed']),
  expires_after: z.object({ anchor: z.literal('last_active_at'), days: integer }).nullable(),
  ...each(nullableInteger, 'expires_at', 'last_active_at'),
  metadata,
}) satisfies z.ZodType<OrNull<OpenAI.VectorStore, 'name' | 'expires_after'>>;

const progress = z.enum(['in_progress', 'completed', 'cancelled', 'failed']);

export const vectorStoreFile = z
  .object({
    id: idOf('file'),
    object: z.literal('vector_store.file'),
    ...each(integer, 'usage_bytes', 'created_at'),
    vector_store_id: idOf('file'),
    status: progress,
    last_error: failure('server_error', 'unsupported_file', 'invalid_file'),
    chunking_strategy: member('static', { static: staticChunking }),
    attributes,
  })
  .meta({ id: 'VectorStoreFileObject' }) satisfies z.ZodType<OpenAI.VectorStores.VectorStoreFile>;

export const vectorStoreFileBatch = object(
  'VectorStoreFileBatchObject',
  'vector_store.files_batch',
  { status: progress, vector_store_id, file_counts },
) satisfies z.ZodType<OpenAI.VectorStores.VectorStoreFileBatch>;

export const fileContentPage = z.object({
  object: z.literal('vector_store.file_content.page'),
  data: list(textPart),
  has_more: z.boolean(),
  next_page: nullableText,
});
