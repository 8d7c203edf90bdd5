/**
 * One constructor per stream event. The clients concatenate strings and add numbers when they merge deltas, so an id,
 * a name or a type is sent once, in the delta that opens its entry.
 */
import { toMessage, toRun, toRunStep, toThread } from './objects.ts';
import type { MessageRow, RunRow, RunStepRow, ThreadRow, ToolCallResult } from './rows.ts';
import type { MessageContent, RunEvent, RunStatus } from './types.ts';

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
): RunEvent => ({ event: `thread.run.step.${name}`, data: toRunStep(row, run.expires_at) });

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
): RunEvent => ({
  event: 'thread.message.delta',
  data: {
    id: messageId,
    object: 'thread.message.delta',
    delta: {
      content: [{ index, type: 'text', text: first ? { value, annotations: [] } : { value } }],
    },
  },
});

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

/** One delta with every output; each carries its own index. */
export const codeOutputs = (
  stepId: string,
  index: number,
  outputs: NonNullable<ToolCallResult['outputs']>,
): RunEvent =>
  toolCallDelta(stepId, {
    index,
    type: 'code_interpreter',
    code_interpreter: {
      outputs: outputs.map((output, position) => ({ index: position, ...output })),
    },
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

/** The text of a message as far as its deltas were stored, for a message that was cut off. */
export function textOfDeltas(deltas: { event: string; data: unknown }[]): MessageContent[] {
  const text = deltas
    .filter((delta) => delta.event === 'thread.message.delta')
    .flatMap(
      (delta) =>
        (delta.data as { delta: { content: { text?: { value?: string } }[] } }).delta.content,
    )
    .map((part) => part.text?.value ?? '')
    .join('');
  return text === '' ? [] : [{ type: 'text', text: { value: text, annotations: [] } }];
}
