/**
 * What requests are answered with, for the OpenAPI description. Each schema is held against the official client's type, and
 * named as in the published description.
 */
import { z } from 'zod';

import { attributes, metadata, responseFormat } from './request-fields.ts';
import { purposes } from './request-files.ts';
import { toolChoice, truncationStrategy } from './request-runs.ts';
import { attachmentTools, staticChunking, tools } from './request-tools.ts';
import { TRANSITIONS } from './run-status.ts';
import type { SearchResult, SearchResultsPage } from './search-results.ts';
import type {
  Assistant,
  File,
  FileContentPage,
  ListEnvelope,
  Message,
  Model,
  Run,
  RunStep,
  Thread,
  Upload,
  UploadPart,
  VectorStore,
  VectorStoreFile,
  VectorStoreFileBatch,
} from './types.ts';

const text = z.string();
const integer = z.number().meta({ type: 'integer' });
const fileId = z.object({ file_id: text });

/** Fields of one kind. */
function each<S extends z.ZodType, K extends string>(schema: S, ...names: K[]): Record<K, S> {
  return Object.fromEntries(names.map((name) => [name, schema])) as Record<K, S>;
}

/** An object of the API: with an id, and but for those of deletions with a time. */
const ids = each(text, 'id');
const made = { ...ids, created_at: integer };

export type Deleted<Name extends string> = { id: string; object: Name; deleted: true };

export function deleted<Name extends string>(object: Name): z.ZodType<Deleted<Name>> {
  return z.object({ ...ids, object: z.literal(object), deleted: z.literal(true) });
}

export function listOf<T>(item: z.ZodType<T>): z.ZodType<ListEnvelope<T>> {
  return z.object({
    object: z.literal('list'),
    data: z.array(item),
    ...each(text.nullable(), 'first_id', 'last_id'),
    has_more: z.boolean(),
  });
}

const toolResources = z
  .object({
    code_interpreter: z.object({ file_ids: z.array(text) }).optional(),
    file_search: z.object({ vector_store_ids: z.array(text) }).optional(),
  })
  .meta({ id: 'ToolResources' });

export const assistant: z.ZodType<Assistant> = z
  .object({
    ...made,
    object: z.literal('assistant'),
    ...each(text.nullable(), 'name', 'description', 'instructions', 'reasoning_effort'),
    model: text,
    tools,
    tool_resources: toolResources,
    metadata,
    ...each(z.number(), 'temperature', 'top_p'),
    response_format: responseFormat,
  })
  .meta({ id: 'AssistantObject' });

export const thread: z.ZodType<Thread> = z
  .object({ ...made, object: z.literal('thread'), tool_resources: toolResources, metadata })
  .meta({ id: 'ThreadObject' });

const detail = z.enum(['auto', 'low', 'high']).optional();
const annotation = { text, ...each(integer, 'start_index', 'end_index') };

const content = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('text'),
    text: z.object({
      value: text,
      annotations: z.array(
        z.discriminatedUnion('type', [
          z.object({ type: z.literal('file_citation'), ...annotation, file_citation: fileId }),
          z.object({ type: z.literal('file_path'), ...annotation, file_path: fileId }),
        ]),
      ),
    }),
  }),
  z.object({ type: z.literal('image_file'), image_file: fileId.extend({ detail }) }),
  z.object({ type: z.literal('image_url'), image_url: z.object({ url: text, detail }) }),
  z.object({ type: z.literal('refusal'), refusal: text }),
]);

const incompleteMessage = z.object({
  reason: z.enum(['content_filter', 'max_tokens', 'run_cancelled', 'run_expired', 'run_failed']),
});

export const message: z.ZodType<Message> = z
  .object({
    ...made,
    object: z.literal('thread.message'),
    thread_id: text,
    ...each(text.nullable(), 'assistant_id', 'run_id'),
    status: z.enum(['in_progress', 'incomplete', 'completed']),
    incomplete_details: incompleteMessage.nullable(),
    ...each(integer.nullable(), 'completed_at', 'incomplete_at'),
    role: z.enum(['user', 'assistant']),
    content: z.array(content),
    attachments: z.array(fileId.extend({ tools: attachmentTools })),
    metadata,
  })
  .meta({ id: 'MessageObject' });

const usage = z
  .object({
    ...each(integer, 'prompt_tokens', 'completion_tokens', 'total_tokens'),
    prompt_token_details: z.object({ cached_tokens: integer }),
    completion_tokens_details: z.object({ reasoning_tokens: integer }),
  })
  .meta({ id: 'Usage' });

/** Times at which something may yet happen. */
const ends = each(integer.nullable(), 'expires_at', 'cancelled_at', 'failed_at', 'completed_at');

const requiredCall = z.object({
  ...ids,
  type: z.literal('function'),
  function: z.object({ name: text, arguments: text }),
});

const requiredAction = z.object({
  type: z.literal('submit_tool_outputs'),
  submit_tool_outputs: z.object({ tool_calls: z.array(requiredCall) }),
});

export const run: z.ZodType<Run> = z
  .object({
    ...made,
    object: z.literal('thread.run'),
    ...each(text, 'thread_id', 'assistant_id', 'model'),
    status: z.enum(Object.keys(TRANSITIONS) as Run['status'][]),
    started_at: integer.nullable(),
    ...ends,
    required_action: requiredAction.nullable(),
    last_error: z
      .object({
        code: z.enum(['server_error', 'rate_limit_exceeded', 'invalid_prompt']),
        message: text,
      })
      .nullable(),
    incomplete_details: z
      .object({ reason: z.enum(['max_completion_tokens', 'max_prompt_tokens']) })
      .nullable(),
    ...each(text.nullable(), 'instructions', 'reasoning_effort'),
    tools,
    tool_resources: toolResources,
    metadata,
    usage: usage.nullable(),
    ...each(z.number(), 'temperature', 'top_p'),
    ...each(integer.nullable(), 'max_prompt_tokens', 'max_completion_tokens'),
    truncation_strategy: truncationStrategy,
    tool_choice: toolChoice,
    parallel_tool_calls: z.boolean(),
    response_format: responseFormat,
  })
  .meta({ id: 'RunObject' });

const codeOutput = z.discriminatedUnion('type', [
  z.object({ type: z.literal('logs'), logs: text }),
  z.object({ type: z.literal('image'), image: fileId }),
]);

const textPart = z.object({ type: z.literal('text'), text });

const found = z.object({
  ...each(text, 'file_id', 'file_name'),
  score: z.number(),
  attributes,
  content: z.array(textPart).optional(),
});

const ranking = z.object({
  ranker: z.enum(['auto', 'default_2024_08_21']),
  score_threshold: z.number(),
});

const toolCall = z.discriminatedUnion('type', [
  z.object({
    ...ids,
    type: z.literal('code_interpreter'),
    code_interpreter: z.object({ input: text, outputs: z.array(codeOutput) }),
  }),
  z.object({
    ...ids,
    type: z.literal('file_search'),
    file_search: z.object({ ranking_options: ranking, results: z.array(found) }),
  }),
  z.object({
    ...ids,
    type: z.literal('function'),
    function: z.object({ ...each(text, 'name', 'arguments'), output: text.nullable() }),
  }),
]);

export const runStep: z.ZodType<RunStep> = z
  .object({
    ...made,
    object: z.literal('thread.run.step'),
    ...each(text, 'assistant_id', 'thread_id', 'run_id'),
    type: z.enum(['message_creation', 'tool_calls']),
    status: z.enum(['in_progress', 'cancelled', 'failed', 'completed', 'expired']),
    step_details: z.discriminatedUnion('type', [
      z.object({
        type: z.literal('message_creation'),
        message_creation: z.object({ message_id: text }),
      }),
      z.object({ type: z.literal('tool_calls'), tool_calls: z.array(toolCall) }),
    ]),
    last_error: z
      .object({ code: z.enum(['server_error', 'rate_limit_exceeded']), message: text })
      .nullable(),
    ...ends,
    expired_at: integer.nullable(),
    metadata,
    usage: usage.nullable(),
  })
  .meta({ id: 'RunStepObject' });

export const file: z.ZodType<File> = z
  .object({
    ...made,
    object: z.literal('file'),
    filename: text,
    bytes: integer,
    purpose: z.enum([...purposes, 'assistants_output']),
    status: z.literal('processed'),
    status_details: z.null(),
    expires_at: integer.nullable(),
  })
  .meta({ id: 'OpenAIFile' });

export const upload: z.ZodType<Upload> = z
  .object({
    ...made,
    object: z.literal('upload'),
    ...each(text, 'filename', 'purpose'),
    ...each(integer, 'bytes', 'expires_at'),
    status: z.enum(['pending', 'completed', 'cancelled', 'expired']),
    file: file.nullable(),
  })
  .meta({ id: 'Upload' });

export const uploadPart: z.ZodType<UploadPart> = z
  .object({ ...made, object: z.literal('upload.part'), upload_id: text })
  .meta({ id: 'UploadPart' });

export const model: z.ZodType<Model> = z
  .object({ ...ids, object: z.literal('model'), created: integer, owned_by: text })
  .meta({ id: 'Model' });

export const modelList: z.ZodType<{ object: 'list'; data: Model[] }> = z.object({
  object: z.literal('list'),
  data: z.array(model),
});

const fileCounts = z.object(
  each(integer, 'in_progress', 'completed', 'failed', 'cancelled', 'total'),
);

export const vectorStore: z.ZodType<VectorStore> = z
  .object({
    ...made,
    object: z.literal('vector_store'),
    ...each(text.nullable(), 'name', 'description'),
    usage_bytes: integer,
    file_counts: fileCounts,
    status: z.enum(['expired', 'in_progress', 'completed']),
    expires_after: z.object({ anchor: z.literal('last_active_at'), days: integer }).nullable(),
    ...each(integer.nullable(), 'expires_at', 'last_active_at'),
    metadata,
  })
  .meta({ id: 'VectorStoreObject' });

const progress = z.enum(['in_progress', 'completed', 'cancelled', 'failed']);

export const vectorStoreFile: z.ZodType<VectorStoreFile> = z
  .object({
    ...made,
    object: z.literal('vector_store.file'),
    vector_store_id: text,
    usage_bytes: integer,
    status: progress,
    last_error: z
      .object({ code: z.enum(['server_error', 'unsupported_file', 'invalid_file']), message: text })
      .nullable(),
    chunking_strategy: z.object({ type: z.literal('static'), static: staticChunking }),
    attributes,
  })
  .meta({ id: 'VectorStoreFileObject' });

export const vectorStoreFileBatch: z.ZodType<VectorStoreFileBatch> = z
  .object({
    ...made,
    object: z.literal('vector_store.files_batch'),
    vector_store_id: text,
    status: progress,
    file_counts: fileCounts,
  })
  .meta({ id: 'VectorStoreFileBatchObject' });

/** A page of what has no ids to go on from. */
const singlePage = { has_more: z.boolean(), next_page: text.nullable() };

export const fileContentPage: z.ZodType<FileContentPage> = z.object({
  object: z.literal('vector_store.file_content.page'),
  data: z.array(textPart),
  ...singlePage,
});

const searchResult: z.ZodType<SearchResult> = z.object({
  ...each(text, 'file_id', 'filename'),
  score: z.number(),
  attributes,
  content: z.array(textPart),
  'x-threadmill': z
    .object({
      ...each(integer, 'chunk', 'start', 'end'),
      page: integer.nullable(),
      scores: z.object(each(z.number().optional(), 'vector', 'lexical', 'fused')),
    })
    .meta({ 'x-threadmill': true }),
});

export const searchResultsPage: z.ZodType<SearchResultsPage> = z.object({
  object: z.literal('vector_store.search_results.page'),
  search_query: z.array(text),
  data: z.array(searchResult),
  has_more: z.literal(false),
  next_page: z.null(),
  'x-threadmill': z
    .union([
      z.object({ mode: z.literal('hybrid') }),
      z.object({ mode: z.literal('lexical'), reason: text }),
    ])
    .meta({ 'x-threadmill': true }),
});

export const errorAnswer = z
  .object({
    error: z.object({
      ...each(text, 'message', 'type'),
      ...each(text.nullable(), 'param', 'code'),
    }),
  })
  .meta({ id: 'ErrorResponse' });
