/** The fields of a chat completion request that the demo model reads. zod's errors name the field at fault. */
import { z } from 'zod';

export type JsonSchema = { [keyword: string]: unknown };
export type FunctionTool = z.output<typeof FUNCTION>;
export type ChatRequest = z.output<typeof CHAT_REQUEST>;

const FUNCTION = z.object({
  name: z.string().min(1),
  description: z.string().catch(''),
  parameters: z.looseObject({ properties: z.looseObject({}).catch({}) }).catch({ properties: {} }),
});
const PART = z
  .object({ type: z.string(), text: z.string().nullish() })
  .transform(({ type, text }) => text ?? `[${type}]`);
const CALLED = z.object({ name: z.string(), arguments: z.string() });
const MESSAGE = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  /** As one text, in which an image is only named. */
  content: z
    .union([z.string(), z.array(PART).transform((texts) => texts.join('\n'))])
    .nullish()
    .transform((content) => content ?? ''),
  tool_calls: z.array(z.object({ id: z.string(), function: CALLED })).nullish(),
  tool_call_id: z.string().nullish(),
});
const CHOICE = z.union([
  z.enum(['auto', 'none', 'required']),
  z.object({ function: z.object({ name: z.string() }) }).transform((choice) => choice.function),
]);
const FORMAT = z.object({
  type: z.enum(['text', 'json_object', 'json_schema']),
  json_schema: z.object({ schema: z.looseObject({}).default({}) }).optional(),
});

export const CHAT_REQUEST = z.object({
  model: z.string().min(1),
  messages: z.array(MESSAGE).min(1),
  tools: z
    .array(z.object({ function: FUNCTION }).transform((tool) => tool.function))
    .nullish()
    .transform((tools) => tools ?? []),
  tool_choice: CHOICE.nullish().transform((choice) => choice ?? 'auto'),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: FORMAT.nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  n: z.literal(1).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
});
