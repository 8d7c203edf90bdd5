/** Bodies of POST /assistants and POST /assistants/{id}. */
import { z } from 'zod';
import { parseBody } from './body.ts';
import {
  instructions,
  LIMITS,
  metadata,
  model,
  reasoningEffort,
  responseFormat,
  temperature,
  text,
  topP,
} from './fields.ts';
import type { ReasoningEffort } from './fields.ts';
import {
  existingToolResources,
  givenToolResources,
  normalizeTools,
  toolResources,
  toolResourcesWithHelper,
  tools,
} from './tools.ts';
import type { NewToolResources } from './tools.ts';
import type { AssistantTool, Metadata, ResponseFormat, ToolResources } from '../types.ts';

const fields = {
  name: text(LIMITS.name).nullish(),
  description: text(LIMITS.description).nullish(),
  instructions: instructions.nullish(),
  reasoning_effort: reasoningEffort.nullish(),
  metadata: metadata.nullish(),
  temperature: temperature.nullish(),
  top_p: topP.nullish(),
  response_format: responseFormat.nullish(),
};

export const createAssistantSchema = z.strictObject({
  model,
  ...fields,
  tools: tools.nullish(),
  tool_resources: toolResourcesWithHelper.nullish(),
});

export const modifyAssistantSchema = z.strictObject({
  model: model.optional(),
  ...fields,
  tools: tools.optional(),
  tool_resources: toolResources.nullish(),
});

/** Everything an assistant stores but its id and time, with the API's defaults filled in and tools normalised. */
export type CreateAssistantParams = {
  model: string;
  name: string | null;
  description: string | null;
  instructions: string | null;
  reasoning_effort: ReasoningEffort | null;
  tools: AssistantTool[];
  /** As given: still to be completed by `defaultToolResources` once a `vector_stores` helper has become a store. */
  tool_resources: NewToolResources;
  metadata: Metadata;
  /** 0 to 2. */
  temperature: number;
  /** 0 to 1. */
  top_p: number;
  response_format: ResponseFormat;
};

/**
 * A key that is absent leaves the field as it is. Where the body said null the key is present with the field's cleared value:
 * null for the texts and reasoning_effort, `{}` for metadata and tool_resources, the default for temperature, top_p (1) and
 * response_format (`auto`). `tool_resources` names only the tools whose resources are replaced.
 */
export type ModifyAssistantParams = Partial<
  Omit<CreateAssistantParams, 'tool_resources'> & { tool_resources: ToolResources }
>;

export function parseCreateAssistant(body: unknown): CreateAssistantParams {
  const given = parseBody(createAssistantSchema, body);
  return {
    model: given.model,
    name: given.name ?? null,
    description: given.description ?? null,
    instructions: given.instructions ?? null,
    reasoning_effort: given.reasoning_effort ?? null,
    tools: normalizeTools(given.tools ?? []),
    tool_resources: givenToolResources(given.tool_resources),
    metadata: given.metadata ?? {},
    temperature: given.temperature ?? 1,
    top_p: given.top_p ?? 1,
    response_format: given.response_format ?? 'auto',
  };
}

export function parseModifyAssistant(body: unknown): ModifyAssistantParams {
  const given = parseBody(modifyAssistantSchema, body);
  const changes: ModifyAssistantParams = {};
  if (given.model !== undefined) changes.model = given.model;
  if (given.name !== undefined) changes.name = given.name;
  if (given.description !== undefined) changes.description = given.description;
  if (given.instructions !== undefined) changes.instructions = given.instructions;
  if (given.reasoning_effort !== undefined) changes.reasoning_effort = given.reasoning_effort;
  if (given.tools !== undefined) changes.tools = normalizeTools(given.tools);
  if (given.tool_resources !== undefined) {
    changes.tool_resources = existingToolResources(given.tool_resources);
  }
  if (given.metadata !== undefined) changes.metadata = given.metadata ?? {};
  if (given.temperature !== undefined) changes.temperature = given.temperature ?? 1;
  if (given.top_p !== undefined) changes.top_p = given.top_p ?? 1;
  if (given.response_format !== undefined) {
    changes.response_format = given.response_format ?? 'auto';
  }
  return changes;
}
