/** The objects of the wire. Their schemas are in `answers.ts`. */
import type { AssistantStreamEvent } from 'openai/resources/beta/assistants';
import type { z } from 'zod';

import type * as answers from './answers.ts';
import type { batch } from './batches/answers.ts';

export type { FileAttributes } from './requests/fields.ts';
export type Assistant = z.infer<typeof answers.assistant>;
export type AssistantTool = Assistant['tools'][number];
export type ToolResources = Assistant['tool_resources'];
export type Metadata = Assistant['metadata'];
export type Thread = z.infer<typeof answers.thread>;
export type Message = z.infer<typeof answers.message>;
export type MessageContent = Message['content'][number];
/** Of a text: `file_citation` for a search result, `file_path` for a file that a cell made. */
export type Annotation = Extract<MessageContent, { type: 'text' }>['text']['annotations'][number];
export type IncompleteReason = NonNullable<Message['incomplete_details']>['reason'];
export type MessageAttachment = Message['attachments'][number];
export type Run = z.infer<typeof answers.run>;
export type RunStatus = Run['status'];
export type RequiredAction = NonNullable<Run['required_action']>;
export type LastError = NonNullable<Run['last_error']>;
export type TruncationStrategy = Run['truncation_strategy'];
export type Usage = NonNullable<Run['usage']>;
export type RunStep = z.infer<typeof answers.runStep>;
type StepDetails = RunStep['step_details'];
export type ToolCall = Extract<StepDetails, { type: 'tool_calls' }>['tool_calls'][number];
export type Model = z.infer<typeof answers.model>;
export type File = z.infer<typeof answers.file>;
export type FilePurpose = File['purpose'];
export type Upload = z.infer<typeof answers.upload>;
export type UploadPart = z.infer<typeof answers.uploadPart>;
export type VectorStore = z.infer<typeof answers.vectorStore>;
export type VectorStoreFile = z.infer<typeof answers.vectorStoreFile>;
export type VectorStoreFileStatus = VectorStoreFile['status'];
export type VectorStoreFileError = NonNullable<VectorStoreFile['last_error']>;
export type FileCounts = VectorStore['file_counts'];
export type VectorStoreFileBatch = z.infer<typeof answers.vectorStoreFileBatch>;
export type Batch = z.infer<typeof batch>;
export type BatchStatus = Batch['status'];
export type BatchError = NonNullable<Batch['errors']>['data'][number];
export type BatchUsage = NonNullable<Batch['usage']>;
export type BatchSettings = Batch['x-threadmill'];
export type BatchEstimate = NonNullable<BatchSettings['estimate']>;

/** A stored or streamed event: `done` is not stored, it only closes a stream. */
export type RunEvent = { event: AssistantStreamEvent['event']; data: unknown };

/** The envelope of every cursor-paged list. */
export type ListEnvelope<T> = z.infer<ReturnType<typeof answers.listOf<T>>>;
