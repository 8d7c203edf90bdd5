/**
 * Every difference between what this server sends and the published description, with its reason. `docs/protocol.md` shows
 * this list, and tests hold both against each other and against what is really sent.
 */
import type { Difference } from './differences.ts';

/**
 * Why we believe it: traffic recorded from the hosted service, which wins over the description because clients were built
 * against it; measured with the official clients; or our decision.
 */
type Evidence = 'recorded' | 'measured' | 'ours';

export type Deviation = Omit<Difference, 'at'> & {
  /** Every place where it is so. */
  at: readonly string[];
  reason: string;
  evidence: Evidence;
};

const EXTRA = { published: 'absent', sent: 'present' };
const NULL_TEXT = { published: 'string', sent: 'null' };
const LISTS = [
  'ListAssistantsResponse',
  'ListBatchesResponse',
  'ListFilesResponse',
  'ListMessagesResponse',
  'ListRunsResponse',
  'ListRunStepsResponse',
  'ListVectorStoresResponse',
  'ListVectorStoreFilesResponse',
];

export const DEVIATIONS: readonly Deviation[] = [
  {
    at: ['deleteModel'],
    published: 'served',
    sent: 'nothing but errors',
    reason: 'Models belong to the model servers, which this server does not change: 404, or 403.',
    evidence: 'ours',
  },
  {
    at: ['downloadFile'],
    published: 'application/json',
    sent: 'application/octet-stream',
    reason: 'The answer is the content of the file, as bytes.',
    evidence: 'recorded',
  },
  {
    at: LISTS.flatMap((list) => [`${list}.first_id`, `${list}.last_id`]),
    ...NULL_TEXT,
    reason: 'An empty page has no first and no last object.',
    evidence: 'recorded',
  },
  {
    at: ['AssistantObject.reasoning_effort', 'RunObject.reasoning_effort'],
    ...EXTRA,
    reason: 'The description takes the field in requests and leaves it out of the objects.',
    evidence: 'recorded',
  },
  {
    at: ['FileSearchRankingOptions.hybrid_search'],
    ...EXTRA,
    reason: 'The tool of an assistant is echoed with `hybrid_search: null`.',
    evidence: 'recorded',
  },
  {
    at: ['RunObject.instructions'],
    ...NULL_TEXT,
    reason: 'Null when neither the run nor its assistant has any.',
    evidence: 'recorded',
  },
  {
    at: ['RunObject.max_prompt_tokens', 'RunObject.max_completion_tokens'],
    published: 'minimum 256',
    sent: 'less',
    reason: 'A budget is echoed as it was given.',
    evidence: 'recorded',
  },
  {
    at: ['RunObject.tool_resources'],
    ...EXTRA,
    reason: 'Those of the request, or `{}`.',
    evidence: 'recorded',
  },
  {
    at: ['RunCompletionUsage', 'RunStepCompletionUsage'].flatMap((usage) => [
      `${usage}.prompt_token_details`,
      `${usage}.completion_tokens_details`,
    ]),
    ...EXTRA,
    reason: 'Cached and reasoning tokens, spelt as on the wire.',
    evidence: 'recorded',
  },
  {
    at: ['RunStepObject.expires_at'],
    ...EXTRA,
    reason: 'The wire has `expires_at`, the description `expired_at`: both are sent.',
    evidence: 'recorded',
  },
  {
    at: ['RunStepDetailsToolCallsFileSearchResultObject.attributes'],
    ...EXTRA,
    reason: 'The attributes of the file that was found.',
    evidence: 'recorded',
  },
  {
    at: ['OpenAIFile.expires_at'],
    published: 'integer',
    sent: 'null',
    reason: 'Null for a file that does not expire.',
    evidence: 'recorded',
  },
  {
    at: ['OpenAIFile.status_details'],
    ...NULL_TEXT,
    reason: 'Always null: a file is stored whole or not at all.',
    evidence: 'recorded',
  },
  {
    at: ['OpenAIFile.purpose'],
    published:
      'assistants | assistants_output | batch | batch_output | fine-tune | fine-tune-results | vision | user_data',
    sent: 'evals',
    reason: 'Files can be created for it, but the description of the object leaves it out.',
    evidence: 'ours',
  },
  {
    at: ['VectorStoreObject.name'],
    ...NULL_TEXT,
    reason: 'Null for a store without a name.',
    evidence: 'recorded',
  },
  {
    at: ['VectorStoreObject.description'],
    ...EXTRA,
    reason: 'The description takes the field in requests and leaves it out of the object.',
    evidence: 'recorded',
  },
  {
    at: ['VectorStoreExpirationAfter'],
    published: 'object',
    sent: 'null',
    reason: 'Null for a store that does not expire.',
    evidence: 'recorded',
  },
  {
    at: ['VectorStoreSearchResultsPage.x-threadmill', 'VectorStoreSearchResultItem.x-threadmill'],
    ...EXTRA,
    reason: 'How a search was done, and what a result is made of.',
    evidence: 'ours',
  },
  {
    at: ['output_file_id', 'error_file_id'].map((field) => `Batch.${field}`),
    ...NULL_TEXT,
    reason: 'Null until there is such a file.',
    evidence: 'ours',
  },
  {
    at: [
      'in_progress_at',
      'finalizing_at',
      'completed_at',
      'failed_at',
      'expired_at',
      'cancelling_at',
      'cancelled_at',
    ].map((field) => `Batch.${field}`),
    published: 'integer',
    sent: 'null',
    reason: 'Null for what has not happened, as in the published examples.',
    evidence: 'ours',
  },
  {
    at: ['Batch.errors', 'Batch.usage'],
    published: 'object',
    sent: 'null',
    reason: 'Null for an input file without errors, and until the batch has ended.',
    evidence: 'ours',
  },
  {
    at: ['Batch.x-threadmill'],
    ...EXTRA,
    reason: 'How the batch is run: see batches.md.',
    evidence: 'ours',
  },
  {
    at: ['Error.error'],
    ...EXTRA,
    reason:
      'The event `error` of a stream wraps its error as error answers do: flat, the Python clients drop it without a word.',
    evidence: 'measured',
  },
  {
    at: ['Error.code', 'Error.message', 'Error.param', 'Error.type'],
    published: 'present',
    sent: 'absent',
    reason: 'In the event `error` they are inside `error`.',
    evidence: 'measured',
  },
];

export type RequestDeviation = {
  /** Every field where it is so. */
  at: readonly string[];
  what: readonly string[];
  found: 'accepted' | 'refused';
  reason: string;
  evidence: Evidence;
};

/** Where more or less of a request is accepted than is described. */
export const REQUEST_DEVIATIONS: readonly RequestDeviation[] = [
  {
    at: ['createRun.expires_after', 'createThreadAndRun.expires_after'],
    what: ['a field that is not described'],
    found: 'accepted',
    reason: 'Seconds until the run expires.',
    evidence: 'ours',
  },
  {
    at: ['createThreadAndRun.reasoning_effort'],
    what: ['a field that is not described'],
    found: 'accepted',
    reason: 'As when a run is created in a thread that is there.',
    evidence: 'ours',
  },
  {
    at: ['CreateRunRequest.tools', 'CreateThreadAndRunRequest.tools'],
    what: ['21 items'],
    found: 'accepted',
    reason: 'A run takes as many tools as an assistant, 128: it may have all of them from there.',
    evidence: 'ours',
  },
  {
    at: ['CreateRunRequest', 'CreateThreadAndRunRequest'].flatMap((request) => [
      `${request}.max_prompt_tokens`,
      `${request}.max_completion_tokens`,
    ]),
    what: ['255'],
    found: 'accepted',
    reason: 'Small token budgets were accepted for as long as they are on record: at least 1.',
    evidence: 'recorded',
  },
  {
    at: ['CreateMessageRequest.attachments[].file_id', 'CreateMessageRequest.attachments[].tools'],
    what: ['left out'],
    found: 'refused',
    reason: 'The description demands both, but says so of the list instead of its items.',
    evidence: 'ours',
  },
  {
    at: ['SubmitToolOutputsRunRequest.tool_outputs[].tool_call_id'],
    what: ['left out'],
    found: 'refused',
    reason: 'An output without it answers no call.',
    evidence: 'ours',
  },
  {
    at: ['createRun.x-threadmill'],
    what: ['a field that is not described'],
    found: 'accepted',
    reason: 'What the run does on a thread with an active run: see protocol.md.',
    evidence: 'ours',
  },
  {
    at: ['createBatch.x-threadmill'],
    what: ['a field that is not described'],
    found: 'accepted',
    reason: 'How the batch is run: see batches.md.',
    evidence: 'ours',
  },
  {
    at: ['CreateBatchRequest.endpoint'],
    what: ['"/v1/moderations"', '"/v1/images/generations"', '"/v1/images/edits"', '"/v1/videos"'],
    found: 'refused',
    reason: 'Batches are of runs and of requests that take and give text.',
    evidence: 'ours',
  },
  {
    at: ['AssistantsNamedToolChoice.function'],
    what: ['left out'],
    found: 'refused',
    reason: 'Only beside `type: function`, where it says which.',
    evidence: 'ours',
  },
  {
    at: ['AssistantsNamedToolChoice.type'],
    what: ['"code_interpreter"', '"file_search"'],
    found: 'refused',
    reason: 'Only beside a `function`, which neither has.',
    evidence: 'ours',
  },
  {
    at: ['ComparisonFilter.type'],
    what: ['"in"', '"nin"'],
    found: 'refused',
    reason: 'Only beside a single value: these two compare with a list, and only they do.',
    evidence: 'ours',
  },
];

/** Where the description that the server serves of itself says more or less than the published one, beside the above. */
export const DESCRIPTION_DEVIATIONS: readonly Omit<RequestDeviation, 'what' | 'found'>[] = [
  {
    at: ['CreateBatchRequest.completion_window'],
    reason: 'Also others than `24h`: from 1 hour to 30 days.',
    evidence: 'ours',
  },
  {
    at: ['AssistantSupportedModels'],
    reason: 'Models have the names that their servers give them.',
    evidence: 'ours',
  },
  {
    at: ['OpenAIFile.status'],
    reason: 'A file is always processed: it is stored whole or not at all.',
    evidence: 'ours',
  },
  {
    at: ['Model.shutdown_date'],
    reason: 'This server does not know when a model server shuts a model down.',
    evidence: 'ours',
  },
  {
    at: ['TruncationObject.last_messages'],
    reason: 'Required only beside the type `last_messages`, of which it is the number.',
    evidence: 'ours',
  },
  {
    at: ['OtherChunkingStrategyResponseParam'],
    reason: 'Every file was cut in a known way.',
    evidence: 'ours',
  },
];
