/** The official client's types under short names. They are the wire contract, so nothing is declared here but gaps in them. */
import type { OpenAI } from 'openai';

import type {
  Assistant as SdkAssistant,
  AssistantStreamEvent,
  AssistantTool as SdkAssistantTool,
} from 'openai/resources/beta/assistants';
import type {
  AssistantToolChoiceOption as SdkToolChoice,
  Thread as SdkThread,
} from 'openai/resources/beta/threads/threads';
import type {
  Annotation as SdkAnnotation,
  Message as SdkMessage,
  MessageContent as SdkMessageContent,
} from 'openai/resources/beta/threads/messages';
import type {
  Run as SdkRun,
  RunStatus as SdkRunStatus,
} from 'openai/resources/beta/threads/runs/runs';
import type {
  RunStep as SdkRunStep,
  ToolCall as SdkToolCall,
} from 'openai/resources/beta/threads/runs/steps';

/** On the wire but absent from the client's type: `reasoning_effort`. */
export type Assistant = SdkAssistant & { reasoning_effort: string | null };
export type AssistantTool = SdkAssistantTool;
export type ToolChoice = SdkToolChoice;
export type ResponseFormat = NonNullable<SdkAssistant['response_format']>;
export type ToolResources = NonNullable<SdkThread['tool_resources']>;
export type Metadata = Record<string, string>;
export type Thread = SdkThread;
export type Message = SdkMessage;
export type MessageContent = SdkMessageContent;
/** Of a text: `file_citation` for a search result, `file_path` for a file that a cell made. */
export type Annotation = SdkAnnotation;
export type MessageAttachment = NonNullable<SdkMessage['attachments']>[number];
export type IncompleteReason = NonNullable<SdkMessage['incomplete_details']>['reason'];
/** `instructions` is null on the wire when nobody gave any; `expires_after` is never echoed. */
export type Run = Omit<SdkRun, 'instructions'> & {
  instructions: string | null;
  tool_resources: ToolResources;
  reasoning_effort: string | null;
};
export type RunStatus = SdkRunStatus;
export type RequiredAction = NonNullable<SdkRun['required_action']>;
export type LastError = NonNullable<SdkRun['last_error']>;
export type TruncationStrategy = NonNullable<SdkRun['truncation_strategy']>;
export type Usage = NonNullable<SdkRun['usage']>;
/** The wire says `expires_at`, the client's type `expired_at`: both are sent. */
export type RunStep = SdkRunStep & { expires_at: number | null };
export type RunStepStatus = SdkRunStep['status'];
export type ToolCall = SdkToolCall;
type EventName = AssistantStreamEvent['event'];
export type Model = OpenAI.Models.Model;
/** Null on the wire where the client's type leaves the key out; `evals` is missing from its purposes. */
export type File = Omit<
  OpenAI.Files.FileObject,
  'purpose' | 'expires_at' | 'status' | 'status_details'
> & {
  purpose: FilePurpose;
  expires_at: number | null;
  status: 'processed';
  status_details: null;
};
/** Purposes a file can be uploaded for, and that of what code_interpreter made. */
export type FilePurpose = OpenAI.Files.FilePurpose | 'assistants_output';
export type Upload = Omit<OpenAI.Uploads.Upload, 'file'> & { file: File | null };
export type UploadPart = OpenAI.Uploads.UploadPart;
/** Null on the wire where the client's type has no null, or leaves the key out. */
export type VectorStore = Omit<OpenAI.VectorStore, 'name' | 'expires_after' | 'expires_at'> & {
  name: string | null;
  description: string | null;
  expires_after: OpenAI.VectorStore.ExpiresAfter | null;
  expires_at: number | null;
};
export type FileCounts = OpenAI.VectorStore.FileCounts;
export type VectorStoreFile = Required<OpenAI.VectorStores.VectorStoreFile>;
export type VectorStoreFileStatus = VectorStoreFile['status'];
export type VectorStoreFileError = NonNullable<VectorStoreFile['last_error']>;
export type VectorStoreFileBatch = OpenAI.VectorStores.VectorStoreFileBatch;
/** What a search can filter files by. */
export type FileAttributes = Record<string, string | number | boolean>;
export type FileContentPage = {
  object: 'vector_store.file_content.page';
  data: { type: 'text'; text: string }[];
  has_more: boolean;
  next_page: string | null;
};

/** A stored or streamed event: `done` is not stored, it only closes a stream. */
export type RunEvent = { event: EventName; data: unknown };

/** The envelope of every cursor-paged list. */
export type ListEnvelope<T> = {
  object: 'list';
  data: T[];
  first_id: string | null;
  last_id: string | null;
  has_more: boolean;
};
