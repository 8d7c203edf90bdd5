/**
 * Objects of another server, as its API returns them. Their ids and times are kept. Fields beside those of the wire are left
 * out; inside tools and formats they are refused, because they may change what the object does.
 */
import { z } from 'zod';
import * as answers from '../answers.ts';
import type { Id, IdKind } from '../ids.ts';
import { idPattern } from '../ids.ts';
import { createAssistantSchema } from './assistants.ts';
import { attributes, integer, list, metadata, or, text } from './fields.ts';
import { formFile } from './files.ts';
import { LIMITS } from './limits.ts';
import { asNumber } from './queries.ts';
import { attachmentTools, staticChunking, storedToolResources } from './tools.ts';
import { expiryDays, newVectorStoreFiles } from './vector-stores.ts';

const YEAR_2100 = 4_102_444_800;
const time = integer(0, YEAR_2100);

const idOf = <Kind extends IdKind>(kind: Kind) =>
  text(LIMITS.fileId, 1).regex(idPattern(kind)) as unknown as z.ZodType<Id<Kind>>;

const object = <Name extends string, Kind extends IdKind>(name: Name, kind: Kind) => ({
  object: z.literal(name),
  id: idOf(kind),
  created_at: time,
});

const toolResources = or(storedToolResources, {});

const assistant = z.object({
  ...createAssistantSchema.shape,
  ...object('assistant', 'assistant'),
  tool_resources: toolResources,
});

const thread = z.object({
  ...object('thread', 'thread'),
  metadata: or(metadata, {}),
  tool_resources: toolResources,
});

const message = answers.message.shape;
const attachment = z.object({ file_id: message.attachments.element.shape.file_id });

/** The hosted service leaves `status` out of most messages. `tokens` are counted later. */
const threadMessage = z
  .object({
    ...object('thread.message', 'message'),
    thread_id: idOf('thread'),
    status: or(message.status.exclude(['in_progress']), 'completed'),
    incomplete_details: or(message.incomplete_details, null),
    completed_at: or(time, null),
    incomplete_at: or(time, null),
    role: message.role,
    content: list(message.content.element, 'objects', LIMITS.contentParts),
    attachments: or(
      list(attachment.extend({ tools: or(attachmentTools, []) }), 'objects', LIMITS.attachments),
      [],
    ),
    metadata: or(metadata, {}),
    assistant_id: or(idOf('assistant'), null),
    run_id: or(idOf('run'), null),
  })
  .transform((given) => ({ ...given, tokens: 0 }));

const vectorStore = z
  .object({
    ...object('vector_store', 'vector_store'),
    name: or(text(LIMITS.name), null),
    description: or(text(LIMITS.description), null),
    metadata: or(metadata, {}),
    expires_after: or(expiryDays, null),
  })
  .transform(({ expires_after: expires_after_days, ...store }) => ({
    ...store,
    expires_after_days,
  }));

/** `other`: how the file was cut is not known. */
const chunking = z.discriminatedUnion('type', [
  z.object({ type: z.literal('static'), static: staticChunking }),
  z.object({ type: z.enum(['auto', 'other']) }),
]);

const vectorStoreFile = z
  .object({
    ...object('vector_store.file', 'file'),
    vector_store_id: idOf('vector_store'),
    attributes: or(attributes, {}),
    chunking_strategy: or(chunking, undefined),
  })
  .transform(({ chunking_strategy: given, ...file }) => {
    const strategy = given?.type === 'static' ? given : undefined;
    return { ...file, files: newVectorStoreFiles([file.id], strategy, file.attributes) };
  });

export const importObjectSchema = z.discriminatedUnion('object', [
  assistant,
  thread,
  threadMessage,
  vectorStore,
  vectorStoreFile,
]);
export type ImportedObject = z.infer<typeof importObjectSchema>;

const formTime = z.preprocess(asNumber, time);

/** A form: its fields are texts. */
export const importFileSchema = z.strictObject({
  file: formFile,
  id: idOf('file'),
  purpose: answers.file.shape.purpose,
  created_at: formTime,
  expires_at: formTime.optional(),
});
export type ImportedFile = z.infer<typeof importFileSchema>;

export const importAnswer = z
  .object({
    object: z.literal('threadmill.import'),
    id: z.string(),
    /** False: the project had it before, and it was not changed. */
    created: z.boolean(),
    imported: z.union([
      answers.assistant,
      answers.thread,
      answers.message,
      answers.vectorStore,
      answers.vectorStoreFile,
      answers.file,
    ]),
  })
  .meta({ id: 'Import' });
export type Import = z.infer<typeof importAnswer>;
