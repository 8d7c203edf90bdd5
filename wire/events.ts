/**
 * One constructor per stream event. The clients concatenate strings and add numbers when they merge deltas, so an id,
 * a name or a type is sent once, in the delta that opens its entry.
 */
import { toMessage, toRun, toRunStep, toThread } from './objects.ts';
import type { Citation } from './citations.ts';
import type {
  CodeOutput,
  FileSearchResult,
  MessageRow,
  RankingOptions,
  RunRow,
  RunStepRow,
  ThreadRow,
} from './rows.ts';
import type { Annotation, MessageContent, RunEvent, RunStatus } from './types.ts';

/** Statuses that are written by an event of the same name: `thread.run.<status>`. */
export const runEvent = (row: RunRow, name: RunStatus | 'created' = row.status): RunEvent => ({
  event: `thread.run.${name}`,
  data: toRun(row),
});

export const threadCreated = (row: ThreadRow): RunEvent => ({
  event: 'thread.created',
  data: toThread(row),
});

export const stepEvent = (
  row: RunStepRow,
  run: RunRow,
  name: RunStepRow['status'] | 'created' = row.status,
): RunEvent => ({ event: `thread.run.step.${name}`, data: toRunStep(row, run) });

export const messageEvent = (
  row: MessageRow,
  name: MessageRow['status'] | 'created' = row.status,
): RunEvent => ({ event: `thread.message.${name}`, data: toMessage(row) });

/** `first` opens the text part: it alone carries the empty annotations. */
export const textDelta = (
  messageId: string,
  index: number,
  value: string,
  first: boolean,
): RunEvent =>
  messageDelta(messageId, {
    index,
    type: 'text',
    text: first ? { value, annotations: [] } : { value },
  });

export const refusalDelta = (messageId: string, index: number, refusal: string): RunEvent =>
  messageDelta(messageId, { index, type: 'refusal', refusal });

/** A mark and what it cites, in one delta (recorded). `quote` is in deltas only. */
export const citationDelta = (
  messageId: string,
  index: number,
  citation: Citation,
  position: number,
): RunEvent => {
  const { file_citation, ...annotation } = citationAnnotation(citation);
  const cited = { index: position, ...annotation, file_citation: { ...file_citation, quote: '' } };
  return messageDelta(messageId, {
    index,
    type: 'text',
    text: { value: citation.text, annotations: [cited] },
  });
};

export const citationAnnotation = (citation: Citation) => ({
  type: 'file_citation' as const,
  text: citation.text,
  start_index: citation.start,
  end_index: citation.end,
  file_citation: { file_id: citation.fileId },
});

/**
 * Annotations of a finished text, after the `before` that came with it. `value` is there, and empty, because clients print
 * it without asking.
 */
export const annotationsDelta = (
  messageId: string,
  index: number,
  annotations: Annotation[],
  before: number,
): RunEvent =>
  messageDelta(messageId, {
    index,
    type: 'text',
    text: {
      value: '',
      annotations: annotations.map((annotation, position) => ({
        index: before + position,
        ...annotation,
      })),
    },
  });

/** An image is a whole content part in one delta. */
export const imageDelta = (messageId: string, index: number, fileId: string): RunEvent =>
  messageDelta(messageId, { index, ...imagePart(fileId) });

export const imagePart = (fileId: string) => ({
  type: 'image_file' as const,
  image_file: { file_id: fileId },
});

function messageDelta(id: string, part: Record<string, unknown>): RunEvent {
  return {
    event: 'thread.message.delta',
    data: { id, object: 'thread.message.delta', delta: { content: [part] } },
  };
}

export const functionOpened = (stepId: string, index: number, id: string, name: string): RunEvent =>
  toolCallDelta(stepId, {
    index,
    id,
    type: 'function',
    function: { name, arguments: '', output: null },
  });

export const functionArguments = (stepId: string, index: number, fragment: string): RunEvent =>
  toolCallDelta(stepId, { index, type: 'function', function: { arguments: fragment } });

export const codeOpened = (stepId: string, index: number, id: string): RunEvent =>
  toolCallDelta(stepId, {
    index,
    id,
    type: 'code_interpreter',
    code_interpreter: { input: '', outputs: [] },
  });

export const codeInput = (stepId: string, index: number, fragment: string): RunEvent =>
  toolCallDelta(stepId, { index, type: 'code_interpreter', code_interpreter: { input: fragment } });

/** One delta with every output; each carries its own index. Of the logs that come first, what is `streamed` is left out. */
export const codeOutputs = (
  stepId: string,
  index: number,
  outputs: CodeOutput[],
  streamed = '',
): RunEvent =>
  toolCallDelta(stepId, {
    index,
    type: 'code_interpreter',
    code_interpreter: { outputs: outputs.flatMap((output, at) => unseen(output, at, streamed)) },
  });

function unseen(output: CodeOutput, index: number, streamed: string) {
  if (index > 0 || streamed === '' || output.type !== 'logs') return [{ index, ...output }];
  const logs = output.logs.slice(streamed.length);
  return logs === '' ? [] : [{ index, ...output, logs }];
}

export const searchOpened = (
  stepId: string,
  index: number,
  id: string,
  options: RankingOptions,
): RunEvent =>
  toolCallDelta(stepId, {
    index,
    id,
    type: 'file_search',
    file_search: { ranking_options: options, results: [] },
  });

/** One delta with every result, for readers who take steps from deltas alone. */
export const searchResults = (
  stepId: string,
  index: number,
  results: FileSearchResult[],
): RunEvent =>
  toolCallDelta(stepId, {
    index,
    type: 'file_search',
    file_search: { results: results.map((result, position) => ({ index: position, ...result })) },
  });

function toolCallDelta(stepId: string, call: Record<string, unknown>): RunEvent {
  return {
    event: 'thread.run.step.delta',
    data: {
      id: stepId,
      object: 'thread.run.step.delta',
      delta: { step_details: { type: 'tool_calls', tool_calls: [call] } },
    },
  };
}

const TERMINAL = new Set([
  'thread.run.completed',
  'thread.run.incomplete',
  'thread.run.failed',
  'thread.run.cancelled',
  'thread.run.expired',
]);

/** The run has ended: nothing follows. */
export const isTerminal = (event: string): boolean => TERMINAL.has(event);

/** The run waits for its client: a request's stream ends here, the run's own log goes on. */
export const isPausing = (event: string): boolean => event === 'thread.run.requires_action';

type PartDelta = { index: number } & MessageContent;

/** The content of a message as far as its deltas were stored, for a message that was cut off. */
export function contentOfDeltas(deltas: { event: string; data: unknown }[]): MessageContent[] {
  const content: MessageContent[] = [];
  for (const { event, data } of deltas) {
    if (event !== 'thread.message.delta') continue;
    const { delta } = data as { delta: { content: PartDelta[] } };
    for (const { index, ...part } of delta.content) {
      const known = content[index];
      const before = known?.type === 'text' ? known.text : { value: '', annotations: [] };
      if (part.type === 'refusal' && known?.type === 'refusal') {
        content[index] = { ...part, refusal: known.refusal + part.refusal };
        continue;
      }
      if (part.type !== 'text') {
        content[index] = part;
        continue;
      }
      const annotations = [...before.annotations, ...(part.text.annotations ?? []).map(finished)];
      content[index] = {
        type: 'text',
        text: { value: before.value + part.text.value, annotations },
      };
    }
  }
  return content;
}

/** An annotation without what only its delta has. */
function finished(delta: Annotation): Annotation {
  const { index: _, ...annotation } = delta as Annotation & { index?: number };
  if (annotation.type !== 'file_citation') return annotation;
  return { ...annotation, file_citation: { file_id: annotation.file_citation.file_id } };
}
