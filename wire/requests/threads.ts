/** Bodies of the thread and message endpoints. */
import { z } from 'zod';
import { parseBody } from './body.ts';
import { fileId, imageDetail, LIMITS, list, metadata, problem, text } from './fields.ts';
import {
  attachmentTools,
  existingToolResources,
  givenToolResources,
  toolResources,
  toolResourcesWithHelper,
} from './tools.ts';
import type { NewToolResources } from './tools.ts';
import type { MessageAttachment, MessageContent, Metadata, ToolResources } from '../types.ts';
import { countCharacters } from '../text.ts';

/** Hosted, `data:` URLs are refused with the same text: images are uploaded as files instead. */
const imageUrl = z.string().check((context) => {
  if (!isWebUrl(context.value)) {
    problem(context, {
      code: 'invalid_value',
      text: "Invalid '{param}'. Expected a valid URL, but got a value with an invalid format.",
    });
  }
});

const contentPart = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: text(LIMITS.messageText, 1) }),
  z.strictObject({
    type: z.literal('image_file'),
    image_file: z.strictObject({ file_id: fileId, detail: imageDetail }),
  }),
  z.strictObject({
    type: z.literal('image_url'),
    image_url: z.strictObject({ url: imageUrl, detail: imageDetail }),
  }),
]);
type ContentPart = z.infer<typeof contentPart>;

const contentParts = list(contentPart, 'objects', LIMITS.contentParts)
  .min(1)
  .check((context) => {
    if (context.issues.length === 0) {
      checkTotals(context);
    }
  });

export const createMessageSchema = z
  .strictObject({
    role: z.enum(['user', 'assistant']),
    content: z.union([text(LIMITS.messageText, 1), contentParts], {
      error: 'expected one of a string or array of objects',
    }),
    attachments: list(
      z.strictObject({ file_id: fileId, tools: attachmentTools }),
      'objects',
      LIMITS.attachments,
    ).nullish(),
    metadata: metadata.nullish(),
  })
  .meta({ id: 'CreateMessageRequest' });

export const modifyMessageSchema = z.strictObject({ metadata: metadata.nullish() });

export const createThreadSchema = z
  .strictObject({
    messages: list(createMessageSchema, 'objects', LIMITS.messages).nullish(),
    tool_resources: toolResourcesWithHelper.nullish(),
    metadata: metadata.nullish(),
  })
  .meta({ id: 'CreateThreadRequest' });

export const modifyThreadSchema = z.strictObject({
  tool_resources: toolResources.nullish(),
  metadata: metadata.nullish(),
});

/** A message in the form it is stored and echoed: text parts are objects with annotations, images have a detail. */
export type CreateMessageParams = {
  role: 'user' | 'assistant';
  content: MessageContent[];
  attachments: MessageAttachment[];
  metadata: Metadata;
};

export type CreateThreadParams = {
  messages: CreateMessageParams[];
  /** As given; a `vector_stores` helper has still to become a store. */
  tool_resources: NewToolResources;
  metadata: Metadata;
};

/** An absent key leaves the field as it is; null in the body is `{}` here. */
export type ModifyThreadParams = { tool_resources?: ToolResources; metadata?: Metadata };

/** For messages and runs, where metadata is all that can change. Absent: unchanged; null in the body is `{}` here. */
export type ModifyMetadataParams = { metadata?: Metadata };

export function parseCreateMessage(body: unknown): CreateMessageParams {
  return toMessageParams(parseBody(createMessageSchema, body));
}

export function parseModifyMessage(body: unknown): ModifyMetadataParams {
  return changedMetadata(parseBody(modifyMessageSchema, body));
}

/** An absent body is an empty thread. */
export function parseCreateThread(body: unknown): CreateThreadParams {
  return toThreadParams(parseBody(createThreadSchema, body));
}

export function parseModifyThread(body: unknown): ModifyThreadParams {
  const given = parseBody(modifyThreadSchema, body);
  return {
    ...changedMetadata(given),
    ...(given.tool_resources === undefined
      ? {}
      : { tool_resources: existingToolResources(given.tool_resources) }),
  };
}

export function changedMetadata(given: {
  metadata?: Metadata | null | undefined;
}): ModifyMetadataParams {
  return given.metadata === undefined ? {} : { metadata: given.metadata ?? {} };
}

export function toThreadParams(
  given: z.infer<typeof createThreadSchema> | null | undefined,
): CreateThreadParams {
  return {
    messages: (given?.messages ?? []).map(toMessageParams),
    tool_resources: givenToolResources(given?.tool_resources),
    metadata: given?.metadata ?? {},
  };
}

export function toMessageParams(given: z.infer<typeof createMessageSchema>): CreateMessageParams {
  const { role, content } = given;
  return {
    role,
    content: typeof content === 'string' ? [textContent(content)] : content.map(toContent),
    attachments: given.attachments ?? [],
    metadata: given.metadata ?? {},
  };
}

function toContent(part: ContentPart): MessageContent {
  switch (part.type) {
    case 'text':
      return textContent(part.text);
    case 'image_file': {
      const { file_id, detail: level = 'auto' } = part.image_file;
      return { type: 'image_file', image_file: { file_id, detail: level } };
    }
    case 'image_url': {
      const { url, detail: level = 'auto' } = part.image_url;
      return { type: 'image_url', image_url: { url, detail: level } };
    }
  }
}

function textContent(value: string): MessageContent {
  return { type: 'text', text: { value, annotations: [] } };
}

/** Limits over all parts of one message. */
function checkTotals(context: z.core.ParsePayload<ContentPart[]>): void {
  let characters = 0;
  let images = 0;
  for (const part of context.value) {
    if (part.type === 'text') {
      characters += countCharacters(part.text);
    } else {
      images += 1;
    }
  }
  if (images > LIMITS.imageParts) {
    problem(context, {
      code: 'array_above_max_length',
      text: `Invalid '{param}': too many images. Expected at most ${LIMITS.imageParts} image parts, but got ${images} instead.`,
    });
  } else if (characters > LIMITS.messageText) {
    problem(context, {
      code: 'string_above_max_length',
      text:
        `Invalid '{param}': string too long. Expected a string with maximum length ${LIMITS.messageText}, ` +
        `but got a string with length ${characters} instead.`,
    });
  }
}

function isWebUrl(value: string): boolean {
  return /^https?:\/\//i.test(value) && URL.canParse(value);
}
