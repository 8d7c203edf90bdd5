/** Bodies of the thread and message endpoints. */
import { z } from 'zod';
import { countCharacters } from '../text.ts';
import type { MessageContent } from '../types.ts';
import {
  changed,
  fileId,
  imageDetail,
  list,
  metadata,
  metadataChange,
  or,
  problem,
  text,
} from './fields.ts';
import { LIMITS } from './limits.ts';
import { attachmentTools, newToolResources, toolResources } from './tools.ts';

/** Hosted, `data:` URLs are refused with the same text: images are uploaded as files instead. */
const imageUrl = text(LIMITS.imageUrl).check((context) => {
  if (context.issues.length === 0 && !isWebUrl(context.value)) {
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
    if (context.issues.length === 0) checkTotals(context);
  });

const messageContent = z
  .union([text(LIMITS.messageText, 1), contentParts], {
    error: 'expected one of a string or array of objects',
  })
  .transform((given) => (typeof given === 'string' ? [textContent(given)] : given.map(toContent)));

export const createMessageSchema = z
  .strictObject({
    role: z.enum(['user', 'assistant']),
    content: messageContent,
    attachments: or(
      list(
        z.strictObject({ file_id: fileId, tools: attachmentTools }),
        'objects',
        LIMITS.attachments,
      ),
      [],
    ),
    metadata: or(metadata, {}),
  })
  .meta({ id: 'CreateMessageRequest' });
export type CreateMessageParams = z.infer<typeof createMessageSchema>;

export const newMessages = or(list(createMessageSchema, 'objects', LIMITS.messages), []);

export const modifyMessageSchema = z.strictObject(metadataChange);

export const createThreadSchema = z
  .strictObject({
    messages: newMessages,
    tool_resources: newToolResources,
    metadata: or(metadata, {}),
  })
  .meta({ id: 'CreateThreadRequest' });
export type CreateThreadParams = z.infer<typeof createThreadSchema>;

export const modifyThreadSchema = z.strictObject(
  changed({ tool_resources: [toolResources, {}], metadata: [metadata, {}] }),
);

/** The form in which a part is stored and echoed: texts are objects with annotations, images have a detail. */
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
