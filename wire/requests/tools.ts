/** Tools and tool_resources: their schemas, and the forms in which they are stored and echoed. */
import { z } from 'zod';
import {
  decimal,
  defined,
  fileId,
  identifier,
  integer,
  list,
  metadata,
  or,
  problem,
  text,
} from './fields.ts';
import { atMost, freeSchema } from './json-size.ts';
import { LIMITS } from './limits.ts';

const DEFAULT_RANKER = 'default_2024_08_21';

const hybridSearch = z.strictObject({
  embedding_weight: decimal(0, 1).optional(),
  text_weight: decimal(0, 1).optional(),
});

const rankingOptions = z.strictObject({
  ranker: z.enum(['auto', DEFAULT_RANKER]).optional(),
  score_threshold: decimal(0, 1),
  /** Not in the published description, but echoed by us as by the hosted service: what was read must be writable. */
  hybrid_search: hybridSearch.nullish(),
});

const codeInterpreterTool = z.strictObject({ type: z.literal('code_interpreter') });

const functionTool = z.strictObject({
  type: z.literal('function'),
  function: z.strictObject({
    name: identifier,
    description: text(LIMITS.functionDescription).optional(),
    parameters: freeSchema.optional(),
    strict: z.boolean().nullish(),
  }),
});

const fileSearchTool = z.strictObject({
  type: z.literal('file_search'),
  file_search: z
    .strictObject({
      max_num_results: integer(1, 50).optional(),
      ranking_options: rankingOptions.optional(),
    })
    .optional(),
});

/** The tools of an assistant or a run. The order of the alternatives is the order in the error text. */
export const tools = list(
  z
    .discriminatedUnion('type', [codeInterpreterTool, functionTool, fileSearchTool])
    .meta({ id: 'AssistantTool' }),
  'objects',
  LIMITS.tools,
).check(atMost(LIMITS.toolsJson));

export type AssistantTool = z.infer<typeof tools>[number];

/** The form in which they are stored and echoed. */
export const newTools = tools.transform(normalizeTools);

/** The tools an attachment can be meant for: types only. */
export const attachmentTools = list(
  z.discriminatedUnion('type', [
    codeInterpreterTool,
    z.strictObject({ type: z.literal('file_search') }),
  ]),
  'objects',
  LIMITS.tools,
);

/**
 * The form in which tools are stored and echoed (recorded): a function always has `parameters` and `strict`; file_search always
 * has `ranking_options` with `hybrid_search`, and `max_num_results` only if given. Applying it twice changes nothing.
 */
export function normalizeTools(given: readonly AssistantTool[]): AssistantTool[] {
  return given.map(normalizeTool);
}

function normalizeTool(tool: AssistantTool): AssistantTool {
  switch (tool.type) {
    case 'code_interpreter':
      return { type: 'code_interpreter' };
    case 'function': {
      const { name, description, parameters, strict } = tool.function;
      return {
        type: 'function',
        function: {
          name,
          ...(description === undefined ? {} : { description }),
          parameters: parameters ?? { type: 'object', properties: {} },
          strict: strict ?? false,
        },
      };
    }
    case 'file_search': {
      const max_num_results = tool.file_search?.max_num_results;
      const ranking = tool.file_search?.ranking_options;
      const ranking_options = {
        ranker: ranking?.ranker ?? DEFAULT_RANKER,
        score_threshold: ranking?.score_threshold ?? 0,
        hybrid_search: ranking?.hybrid_search ?? null,
      } as const;
      return {
        type: 'file_search',
        file_search: {
          ...(max_num_results === undefined ? {} : { max_num_results }),
          ranking_options,
        },
      };
    }
  }
}

export const staticChunking = z
  .strictObject({
    max_chunk_size_tokens: integer(100, 4096),
    chunk_overlap_tokens: integer(0, 4096),
  })
  .check((context) => {
    const { max_chunk_size_tokens, chunk_overlap_tokens } = context.value;
    if (chunk_overlap_tokens > max_chunk_size_tokens / 2) {
      problem(
        context,
        {
          code: 'invalid_value',
          text: "Invalid '{param}': the overlap must not exceed half of 'max_chunk_size_tokens'.",
        },
        ['chunk_overlap_tokens'],
      );
    }
  });

/** How a vector store's files are cut; absent means `auto`, which is 800 tokens with an overlap of 400. */
export const chunkingStrategy = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('auto') }),
    z.strictObject({ type: z.literal('static'), static: staticChunking }),
  ])
  .meta({ id: 'ChunkingStrategy' });
export type ChunkingStrategy = z.infer<typeof chunkingStrategy>;

const vectorStoreIds = or(list(fileId, 'strings', LIMITS.vectorStores), undefined);
const codeInterpreterResources = or(
  z.strictObject({ file_ids: or(list(fileId, 'strings', LIMITS.codeInterpreterFiles), []) }),
  undefined,
);

/** As stored and echoed. */
export const storedToolResources = z
  .object({
    code_interpreter: z.object({ file_ids: z.array(z.string()) }).optional(),
    file_search: z.object({ vector_store_ids: z.array(z.string()) }).optional(),
  })
  .meta({ id: 'ToolResources' });
export type ToolResources = z.infer<typeof storedToolResources>;

/** For modifying, and for a run's own resources: existing vector stores only. */
export const toolResources = z
  .strictObject({
    code_interpreter: codeInterpreterResources,
    file_search: or(
      z.strictObject({ vector_store_ids: or(list(fileId, 'strings', LIMITS.vectorStores), []) }),
      undefined,
    ),
  })
  .transform(defined);

/** Makes a vector store together with its assistant or thread. */
const vectorStoreHelper = z.strictObject({
  file_ids: or(list(fileId, 'strings', LIMITS.vectorStoreFiles), []),
  chunking_strategy: or(chunkingStrategy, undefined),
  metadata: or(metadata, {}),
});

const fileSearchWithHelper = z
  .strictObject({
    vector_store_ids: vectorStoreIds,
    vector_stores: or(list(vectorStoreHelper, 'objects', LIMITS.vectorStores), undefined),
  })
  .check((context) => {
    if (context.value.vector_store_ids?.length && context.value.vector_stores?.length) {
      problem(context, {
        code: 'invalid_value',
        text: "Invalid '{param}': only one of 'vector_store_ids' and 'vector_stores' can be given.",
      });
    }
  })
  .transform(defined);

/** For creating assistants and threads. `vector_stores` is a request, never stored or echoed. */
export const newToolResources = or(
  z
    .strictObject({
      code_interpreter: codeInterpreterResources,
      file_search: or(fileSearchWithHelper, undefined),
    })
    .transform(defined),
  {},
);
export type NewToolResources = z.infer<typeof newToolResources>;

/**
 * The tool_resources an assistant stores and echoes (recorded): `{}` with no tools, `code_interpreter: { file_ids: [] }` as soon
 * as that tool is on, file_search only if given. The `vector_stores` helper is left out: replace it by the new store's id first.
 */
export function defaultToolResources(
  given: readonly AssistantTool[],
  resources: NewToolResources | ToolResources,
): ToolResources {
  const { code_interpreter: code, file_search: search } = resources;
  const usesCode = given.some((tool) => tool.type === 'code_interpreter');
  return {
    ...(code || usesCode ? { code_interpreter: { file_ids: code?.file_ids ?? [] } } : {}),
    ...(search ? { file_search: { vector_store_ids: search.vector_store_ids ?? [] } } : {}),
  };
}
