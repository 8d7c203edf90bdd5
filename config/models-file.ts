/** MODELS_FILE: the server of each model, and the dialect of its requests. docs/models.md has a recipe for each server. */
import { readFileSync } from 'node:fs';

import { z } from 'zod';

import { priceSchema } from './price.ts';
import { ConfigError, httpUrl } from './values.ts';

/** The fields that every request needs. */
const NEEDED = ['model', 'messages', 'stream', 'tools', 'role', 'content', 'tool_calls'];

const seconds = z.number().min(1).max(86_400);

const profileSchema = z.strictObject({
  /** Fields that are never sent: of the request, `strict` of tools, and fields of an earlier answer. */
  omit: z.array(
    z
      .string()
      .regex(/^[a-z_]+$/, 'must be the name of a request field')
      .refine((field) => !NEEDED.includes(field), 'is a field that every request needs'),
  ),
  /** The field that limits the answer's tokens. Null: no field does, and only this server enforces the limit. */
  limit_field: z.enum(['max_completion_tokens', 'max_tokens']).nullable(),
  /** The content of an assistant message that has only tool calls. */
  empty_content: z.enum(['null', 'empty', 'omit']),
  /** Joins consecutive messages of one role. */
  merge_roles: z.boolean(),
  /** `user`: the instructions open the first user message. */
  system_role: z.enum(['system', 'developer', 'user']),
  /** False: a tool that `tool_choice` names is the only tool in the request, with `required`. */
  named_tool_choice: z.boolean(),
  /** False: the server calls tools although `tool_choice` is `none`, so the request then has no tools. */
  tools_when_none: z.boolean(),
  /** Whether a `<think>` block at the start of an answer is removed. */
  thinking: z.enum(['strip', 'keep']),
  /** Longest wait for the first byte of an answer, and between two bytes. */
  first_token_seconds: seconds,
  idle_seconds: seconds,
  /** How long requests to an unavailable or overloaded server are repeated; at least five times. */
  retry_seconds: z.number().min(0).max(86_400),
});

export type ModelProfile = z.infer<typeof profileSchema>;

export const DEFAULT_PROFILE: ModelProfile = {
  omit: [],
  limit_field: 'max_completion_tokens',
  empty_content: 'null',
  merge_roles: false,
  system_role: 'system',
  named_tool_choice: true,
  tools_when_none: true,
  thinking: 'strip',
  first_token_seconds: 600,
  idle_seconds: 120,
  retry_seconds: 120,
};

const entrySchema = z.strictObject({
  id: z.string().min(1),
  base_url: httpUrl.optional(),
  /** Name of the environment variable that holds the key, so that the file itself carries no secret. */
  api_key_env: z.string().optional(),
  upstream_model: z.string().min(1).optional(),
  context_window: z.number().int().min(1_024).optional(),
  /**
   * False: the model takes no images and gets a line of text instead. True: it also gets images of earlier answers. Absent:
   * it gets images that users send.
   */
  vision: z.boolean().optional(),
  /** Of all workers together. */
  requests_per_minute: z.number().int().min(1).optional(),
  tokens_per_minute: z.number().int().min(1).optional(),
  /** True: the server has `/batches` for it, which answer the turns of this server's batches. */
  batch: z.boolean().optional(),
  /** Absent: the tokens of the model cost nothing. */
  price: priceSchema.optional(),
  /** Over the file's own profile, field by field. */
  profile: profileSchema.partial().optional(),
});

/** The fields of an entry. */
export const MODEL_FIELDS = Object.keys(entrySchema.shape);

/** The server and dialect of one model id. `upstream_model` defaults to the id. */
export type ModelEntry = z.infer<typeof entrySchema>;

const fileSchema = z.strictObject({
  models: z.array(entrySchema),
  /** Of every model, also of those without an entry. */
  profile: profileSchema.partial().optional(),
});

export type ModelsFile = { models: ModelEntry[]; profile: ModelProfile };

/** @throws ConfigError that names the place in the file */
export function readModelsFile(path: string | undefined): ModelsFile {
  if (path === undefined) return { models: [], profile: DEFAULT_PROFILE };
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConfigError(`MODELS_FILE ${path} could not be read: ${(error as Error).message}`);
  }
  const parsed = fileSchema.safeParse(content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ConfigError(`MODELS_FILE ${path}: ${placeOf(issue!.path)}: ${issue!.message}.`);
  }
  const { models, profile } = parsed.data;
  return { models, profile: { ...DEFAULT_PROFILE, ...profile } };
}

function placeOf(path: PropertyKey[]): string {
  if (path.length === 0) return 'the file';
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .slice(1);
}
