/** MODELS_FILE: how each model is served, and what its server wants in a request. docs/models.md has a recipe per server. */
import { readFileSync } from 'node:fs';

import { z } from 'zod';

import { ConfigError, httpUrl } from './values.ts';

/** Without these there is no request. */
const NEEDED = ['model', 'messages', 'stream', 'tools', 'role', 'content', 'tool_calls'];

const seconds = z.number().min(1).max(86_400);

const profileSchema = z.strictObject({
  /** Fields that are never sent: of the request, `strict` of tools, and those of an answer that would go back. */
  omit: z.array(
    z
      .string()
      .regex(/^[a-z_]+$/, 'must be the name of a request field')
      .refine((field) => !NEEDED.includes(field), 'is a field that every request needs'),
  ),
  /** The field that limits the answer's tokens; null: none does, and the limit is only enforced here. */
  limit_field: z.enum(['max_completion_tokens', 'max_tokens']).nullable(),
  /** What stands for the text of an assistant's message that only calls tools. */
  empty_content: z.enum(['null', 'empty', 'omit']),
  /** Joins messages of one role that follow each other. */
  merge_roles: z.boolean(),
  /** `user`: the instructions open the first user message. */
  system_role: z.enum(['system', 'developer', 'user']),
  /** False: a demanded tool is the only one offered, with `required`. */
  named_tool_choice: z.boolean(),
  /** False: the server calls tools although `tool_choice` is `none`, so it is offered none then. */
  tools_when_none: z.boolean(),
  /** What becomes of a `<think>` block that opens an answer. */
  thinking: z.enum(['strip', 'keep']),
  /** Longest wait for the first byte of an answer, and between two. */
  first_token_seconds: seconds,
  idle_seconds: seconds,
  /** How long a server that is away or overloaded is tried again; at least five times. */
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
   * False: the model takes no images, and reads a line of text in their place. True: it is shown those of earlier answers
   * too. Absent: those that users send.
   */
  vision: z.boolean().optional(),
  /** Over the file's own profile, field by field. */
  profile: profileSchema.partial().optional(),
});

/** What an entry may say. */
export const MODEL_FIELDS = Object.keys(entrySchema.shape);

/** How one model id is served. `upstream_model` defaults to the id itself. */
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
