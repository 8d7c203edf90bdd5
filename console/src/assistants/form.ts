/** The fields of an assistant as a form has them, and as the API takes them. */
import type { Assistant, AssistantCreateParams } from 'openai/resources/beta/assistants';

export type Form = {
  name: string;
  description: string;
  model: string;
  instructions: string;
  code: boolean;
  search: boolean;
  /** Each the JSON of a function: name, description, parameters. */
  functions: string[];
  codeFiles: string[];
  stores: string[];
  temperature: number | string;
  topP: number | string;
  reasoningEffort: string;
  /** JSON, or empty for `auto`. */
  responseFormat: string;
  /** JSON of strings. */
  metadata: string;
};

export const EMPTY: Form = {
  name: '',
  description: '',
  model: '',
  instructions: '',
  code: false,
  search: false,
  functions: [],
  codeFiles: [],
  stores: [],
  temperature: '',
  topP: '',
  reasoningEffort: '',
  responseFormat: '',
  metadata: '',
};

const json = (value: unknown) => JSON.stringify(value, null, 2);

export function formOf(assistant: Assistant): Form {
  const { tools, tool_resources: resources, response_format: format, metadata } = assistant;
  return {
    name: assistant.name ?? '',
    description: assistant.description ?? '',
    model: assistant.model,
    instructions: assistant.instructions ?? '',
    code: tools.some(({ type }) => type === 'code_interpreter'),
    search: tools.some(({ type }) => type === 'file_search'),
    functions: tools.flatMap((tool) => (tool.type === 'function' ? [json(tool.function)] : [])),
    codeFiles: resources?.code_interpreter?.file_ids ?? [],
    stores: resources?.file_search?.vector_store_ids ?? [],
    temperature: assistant.temperature ?? '',
    topP: assistant.top_p ?? '',
    reasoningEffort: (assistant as AssistantCreateParams).reasoning_effort ?? '',
    responseFormat: format === 'auto' || !format ? '' : json(format),
    metadata: Object.keys(metadata ?? {}).length === 0 ? '' : json(metadata),
  };
}

const numberOr = (value: number | string) => (value === '' ? null : Number(value));
const parsed = <T>(text: string, otherwise: T) =>
  text.trim() === '' ? otherwise : (JSON.parse(text) as T);

/** @throws SyntaxError when a field holds invalid JSON */
export function paramsOf(form: Form): AssistantCreateParams {
  return {
    name: form.name,
    description: form.description,
    model: form.model,
    instructions: form.instructions,
    tools: [
      ...(form.code ? [{ type: 'code_interpreter' as const }] : []),
      ...(form.search ? [{ type: 'file_search' as const }] : []),
      ...form.functions.map((text) => ({ type: 'function' as const, function: JSON.parse(text) })),
    ],
    tool_resources: {
      ...(form.code && { code_interpreter: { file_ids: form.codeFiles } }),
      ...(form.search && { file_search: { vector_store_ids: form.stores } }),
    },
    temperature: numberOr(form.temperature),
    top_p: numberOr(form.topP),
    ...(form.reasoningEffort !== '' && {
      reasoning_effort: form.reasoningEffort as AssistantCreateParams['reasoning_effort'],
    }),
    response_format: parsed(form.responseFormat, 'auto'),
    metadata: parsed(form.metadata, {}),
  };
}
