/** Row in, wire object out. One function per object. */
import type { z } from 'zod';

import * as answers from './answers.ts';
import { batch, batchSettings } from './batches/answers.ts';
import type * as rows from './rows.ts';
import { isActive } from './run-status.ts';
import type * as wire from './types.ts';

/** The fields of the schema: columns that it does not name stay behind. */
export function fieldsOf<Fields extends z.ZodRawShape>(
  { shape }: z.ZodObject<Fields>,
  values: z.infer<z.ZodObject<Fields>>,
): z.infer<z.ZodObject<Fields>> {
  const object: Record<string, unknown> = {};
  for (const name in shape) object[name] = (values as Record<string, unknown>)[name];
  return object as typeof values;
}

export const toAssistant = (row: rows.AssistantRow): wire.Assistant =>
  fieldsOf(answers.assistant, { ...row, object: 'assistant' });

export const toThread = (row: rows.ThreadRow): wire.Thread =>
  fieldsOf(answers.thread, { ...row, object: 'thread' });

export const toMessage = (row: rows.MessageRow): wire.Message =>
  fieldsOf(answers.message, {
    ...row,
    object: 'thread.message',
    incomplete_details: because(row.incomplete_reason),
  });

const because = <Reason>(reason: Reason | null) => (reason === null ? null : { reason });

/** `usage` and a null `expires_at` appear only once the run has ended (recorded behaviour). */
export function toRun(row: rows.RunRow): wire.Run {
  const active = isActive(row.status);
  return fieldsOf(answers.run, {
    ...row,
    object: 'thread.run',
    expires_at: active ? row.expires_at : null,
    required_action: row.status === 'requires_action' ? row.required_action : null,
    incomplete_details: because(row.incomplete_reason),
    usage: active ? null : toUsage(row),
  });
}

/** The singular `prompt_token_details` is the wire's spelling. */
export function toUsage(counts: rows.TokenCounts): wire.Usage {
  return {
    prompt_tokens: counts.prompt_tokens,
    completion_tokens: counts.completion_tokens,
    total_tokens: counts.prompt_tokens + counts.completion_tokens,
    prompt_token_details: { cached_tokens: counts.cached_tokens },
    completion_tokens_details: { reasoning_tokens: counts.reasoning_tokens },
  };
}

const toStepUsage = (usage: rows.StepUsage): wire.Usage => ({
  prompt_token_details: { cached_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 },
  ...usage,
});

/** Sends both the recorded keys (`expires_at`) and the described ones (`expired_at`, `metadata`). */
export function toRunStep(
  row: rows.RunStepRow,
  run: Pick<rows.RunRow, 'expires_at' | 'tools'>,
): wire.RunStep {
  const inProgress = row.status === 'in_progress';
  return fieldsOf(answers.runStep, {
    ...row,
    object: 'thread.run.step',
    expires_at: inProgress ? run.expires_at : null,
    last_error: row.last_error as wire.RunStep['last_error'],
    step_details:
      row.type === 'message_creation'
        ? { type: row.type, message_creation: { message_id: row.message_id ?? '' } }
        : { type: row.type, tool_calls: row.tool_calls.map((call) => toToolCall(call, run.tools)) },
    usage: inProgress || row.usage === null ? null : toStepUsage(row.usage),
    metadata: {},
  });
}

/** Of a call that has not ended, or was cancelled. */
function soFar(logs: string): rows.CodeOutput[] {
  return logs === '' ? [] : [{ type: 'logs', logs }];
}

function toToolCall(row: rows.ToolCallRow, tools: readonly wire.AssistantTool[]): wire.ToolCall {
  const { id, type, name, input, result, streamed = '' } = row;
  switch (type) {
    case 'function':
      return { id, type, function: { name, arguments: input, output: result?.output ?? null } };
    case 'code_interpreter':
      return { id, type, code_interpreter: { input, outputs: result?.outputs ?? soFar(streamed) } };
    case 'file_search': {
      const unsearched = { ranking_options: rankingOptionsOf(tools), results: [] };
      return { id, type, file_search: result?.search ?? unsearched };
    }
  }
}

/** The ranking options of a run's file_search tool, in the form that steps show. */
export function rankingOptionsOf(tools: readonly wire.AssistantTool[]): rows.RankingOptions {
  const given = tools.find((tool) => tool.type === 'file_search')?.file_search?.ranking_options;
  return {
    ranker: given?.ranker ?? 'default_2024_08_21',
    score_threshold: given?.score_threshold ?? 0,
  };
}

/** The status is always the same: a file is stored whole or not at all. */
export const toFile = (row: rows.FileRow): wire.File =>
  fieldsOf(answers.file, { ...row, object: 'file', status: 'processed', status_details: null });

/** `file` is null until the upload is completed, and again after the file was deleted. */
export const toUpload = (row: rows.UploadRow, file: rows.FileRow | null): wire.Upload =>
  fieldsOf(answers.upload, { ...row, object: 'upload', file: file && toFile(file) });

export const toUploadPart = (row: rows.UploadPartRow): wire.UploadPart =>
  fieldsOf(answers.uploadPart, { ...row, object: 'upload.part' });

/** The status of a store or batch is that of its files. */
export function toVectorStore(row: rows.VectorStoreRow): wire.VectorStore {
  const days = row.expires_after_days;
  const unexpired = row.in_progress > 0 ? 'in_progress' : 'completed';
  return fieldsOf(answers.vectorStore, {
    ...row,
    object: 'vector_store',
    file_counts: toFileCounts(row),
    status: row.expired ? 'expired' : unexpired,
    expires_after: days === null ? null : { anchor: 'last_active_at', days },
  });
}

export function toVectorStoreFile(row: rows.VectorStoreFileRow): wire.VectorStoreFile {
  const { max_chunk_tokens: max_chunk_size_tokens, chunk_overlap_tokens } = row;
  return fieldsOf(answers.vectorStoreFile, {
    ...row,
    object: 'vector_store.file',
    chunking_strategy: { type: 'static', static: { max_chunk_size_tokens, chunk_overlap_tokens } },
  });
}

export const toVectorStoreFileBatch = (
  row: rows.VectorStoreFileBatchRow,
): wire.VectorStoreFileBatch =>
  fieldsOf(answers.vectorStoreFileBatch, {
    ...row,
    object: 'vector_store.files_batch',
    status: batchStatus(row),
    file_counts: toFileCounts(row),
  });

/** `failed`: none of the batch's files came into the store. */
export function batchStatus(
  row: rows.VectorStoreFileBatchRow,
): wire.VectorStoreFileBatch['status'] {
  if (row.in_progress > 0) return 'in_progress';
  if (row.cancelled_at !== null) return 'cancelled';
  return row.total > 0 && row.failed === row.total ? 'failed' : 'completed';
}

function toFileCounts({ in_progress, completed, failed, cancelled, total }: wire.FileCounts) {
  return { in_progress, completed, failed, cancelled, total };
}

/** `errors` is null unless the input file has some. */
export const toBatch = (row: rows.BatchRow): wire.Batch =>
  fieldsOf(batch, {
    ...row,
    object: 'batch',
    errors: row.errors.length === 0 ? null : { object: 'list', data: row.errors },
    request_counts: { total: row.total, completed: row.completed, failed: row.failed },
    usage: row.status === 'validating' || row.status === 'failed' ? null : toBatchUsage(row.spent),
    'x-threadmill': fieldsOf(batchSettings, {
      ...row,
      window: row.running_limit,
      budget: { tokens: null, usd: null, on_exceeded: 'pause', ...row.budget },
      cost_usd: row.spent.cost,
    }),
  });

function toBatchUsage(spent: rows.TokenCounts): wire.BatchUsage {
  const { prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens } = spent;
  return {
    input_tokens: prompt_tokens,
    input_tokens_details: { cached_tokens },
    output_tokens: completion_tokens,
    output_tokens_details: { reasoning_tokens },
    total_tokens: prompt_tokens + completion_tokens,
  };
}
