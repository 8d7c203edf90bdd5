/** The parsers of bodies and queries, as the operations use them. */
import type { z } from 'zod';

import { createAssistantSchema, modifyAssistantSchema } from '../../wire/requests/assistants.ts';
import { parseBody } from '../../wire/requests/body.ts';
import {
  completeUploadSchema,
  createFileSchema,
  createUploadSchema,
  parseForm,
} from '../../wire/requests/files.ts';
import type { Form } from '../../wire/requests/files.ts';
import {
  eventsQuery,
  includeQuery,
  listFilesQuery,
  listMessagesQuery,
  listQuery,
  parseQuery,
} from '../../wire/requests/queries.ts';
import {
  createRunSchema,
  createThreadAndRunSchema,
  modifyRunSchema,
  submitToolOutputsSchema,
} from '../../wire/requests/runs.ts';
import {
  createMessageSchema,
  createThreadSchema,
  modifyMessageSchema,
  modifyThreadSchema,
} from '../../wire/requests/threads.ts';

const bodyParser =
  <T>(schema: z.ZodType<T>) =>
  (body: unknown): T =>
    parseBody(schema, body);
const queryParser =
  <T>(schema: z.ZodType<T>) =>
  (query: unknown): T =>
    parseQuery(schema, query);

export const parseCreateAssistant = bodyParser(createAssistantSchema);
export const parseModifyAssistant = bodyParser(modifyAssistantSchema);
export const parseCreateThread = bodyParser(createThreadSchema);
export const parseModifyThread = bodyParser(modifyThreadSchema);
export const parseCreateMessage = bodyParser(createMessageSchema);
export const parseModifyMessage = bodyParser(modifyMessageSchema);
export const parseCreateRun = bodyParser(createRunSchema);
export const parseCreateThreadAndRun = bodyParser(createThreadAndRunSchema);
export const parseModifyRun = bodyParser(modifyRunSchema);
export const parseSubmitToolOutputs = bodyParser(submitToolOutputsSchema);
export const parseCreateUpload = bodyParser(createUploadSchema);
export const parseCompleteUpload = bodyParser(completeUploadSchema);
export const parseCreateFile = (form: Form) => parseForm(createFileSchema, form, 'file');

export const parseListQuery = queryParser(listQuery);
export const parseListMessagesQuery = queryParser(listMessagesQuery);
export const parseListFilesQuery = queryParser(listFilesQuery);
export const parseIncludeQuery = queryParser(includeQuery);
export const parseEventsQuery = queryParser(eventsQuery);
