/** Bodies of POST /assistants and POST /assistants/{id}. */
import { z } from 'zod';
import {
  changed,
  created,
  instructions,
  metadata,
  model,
  or,
  reasoningEffort,
  responseFormat,
  temperature,
  text,
  topP,
} from './fields.ts';
import { LIMITS } from './limits.ts';
import { newToolResources, newTools, toolResources } from './tools.ts';

const fields = {
  name: [text(LIMITS.name), null],
  description: [text(LIMITS.description), null],
  instructions: [instructions, null],
  reasoning_effort: [reasoningEffort, null],
  metadata: [metadata, {}],
  temperature: [temperature, 1],
  top_p: [topP, 1],
  response_format: [responseFormat, 'auto'],
} as const;

export const createAssistantSchema = z.strictObject({
  model,
  ...created(fields),
  tools: or(newTools, []),
  tool_resources: newToolResources,
});

export const modifyAssistantSchema = z.strictObject({
  model: model.optional(),
  ...changed(fields),
  tools: newTools.optional(),
  /** Names only the tools whose resources are replaced. */
  ...changed({ tool_resources: [toolResources, {}] }),
});
