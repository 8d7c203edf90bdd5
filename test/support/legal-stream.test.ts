import { describe, expect, test } from 'vitest';

import {
  annotationsDelta,
  imageDelta,
  imagePart,
  textDelta,
  codeInput,
  codeOpened,
  codeOutputs,
  messageEvent,
  runEvent,
  contentOfDeltas,
  functionArguments,
  functionOpened,
  stepEvent,
} from '../../wire/events.ts';
import type { MessageId, StepId, ToolCallId } from '../../wire/ids.ts';
import type { CodeOutput, MessageRow, RunRow, RunStepRow } from '../../wire/rows.ts';
import type { Annotation, RunEvent } from '../../wire/types.ts';
import { assertLegalStream, readToDone } from './legal-stream.ts';
import type { StreamEvent } from './legal-stream.ts';

const CALL = 'call_000000000000000000000000' as ToolCallId;
const FILE = 'file-0000000000000000000000';

const queued = {
  id: 'run_1',
  thread_id: 'thread_1',
  assistant_id: 'asst_1',
  status: 'queued',
  created_at: 1,
  expires_at: 601,
  started_at: null,
  cancelled_at: null,
  failed_at: null,
  completed_at: null,
  required_action: null,
  last_error: null,
  incomplete_reason: null,
  model: 'm',
  tools: [],
  prompt_tokens: 2,
  cached_tokens: 0,
  completion_tokens: 1,
  reasoning_tokens: 0,
} as unknown as RunRow;
const running: RunRow = { ...queued, status: 'in_progress', started_at: 1 };
const completed: RunRow = { ...running, status: 'completed', completed_at: 2 };

const openStep = (id: string, messageId: string | null): RunStepRow => ({
  id: id as StepId,
  run_id: queued.id,
  thread_id: queued.thread_id,
  assistant_id: queued.assistant_id,
  turn: 0,
  seq: 1,
  type: messageId === null ? 'tool_calls' : 'message_creation',
  status: 'in_progress',
  message_id: messageId as MessageId | null,
  created_at: 1,
  completed_at: null,
  failed_at: null,
  cancelled_at: null,
  expired_at: null,
  last_error: null,
  usage: null,
  tool_calls: [],
});
const usage = { prompt_tokens: 2, completion_tokens: 1, total_tokens: 3 };
const closed = (step: RunStepRow, calls: RunStepRow['tool_calls'] = []): RunStepRow => ({
  ...step,
  status: 'completed',
  completed_at: 2,
  usage,
  tool_calls: calls,
});

const open = {
  id: 'msg_1',
  thread_id: 'thread_1',
  assistant_id: 'asst_1',
  run_id: 'run_1',
  created_at: 1,
  role: 'assistant',
  status: 'in_progress',
  incomplete_reason: null,
  completed_at: null,
  incomplete_at: null,
  content: [],
  attachments: [],
  metadata: {},
} as unknown as MessageRow;
const said = (value: string): MessageRow => ({
  ...open,
  status: 'completed',
  completed_at: 2,
  content: [{ type: 'text', text: { value, annotations: [] } }],
});

const numbered = (events: RunEvent[], after = 0): StreamEvent[] =>
  events.map((event, index) => ({ id: after + index + 1, ...event }));

const BEGIN = [runEvent(queued, 'created'), runEvent(queued), runEvent(running)];

const message = openStep('step_1', 'msg_1');
const TEXT = [
  ...BEGIN,
  stepEvent(message, running, 'created'),
  stepEvent(message, running),
  messageEvent(open, 'created'),
  messageEvent(open),
  textDelta('msg_1', 0, 'Hello', true),
  textDelta('msg_1', 0, ' you', false),
  messageEvent(said('Hello you')),
  stepEvent(closed(message), running),
  runEvent(completed),
];

const code = openStep('step_2', null);
const codeCall = (input: string, outputs: CodeOutput[]) => [
  {
    step_id: code.id,
    index: 0,
    id: CALL,
    type: 'code_interpreter' as const,
    name: 'code_interpreter',
    input,
    result: { outputs },
  },
];
const OUTPUTS: CodeOutput[] = [
  { type: 'logs', logs: '1\n' },
  { type: 'image', image: { file_id: FILE } },
];
const CODE_STEP = [
  stepEvent(code, running, 'created'),
  stepEvent(code, running),
  codeOpened('step_2', 0, CALL),
  codeInput('step_2', 0, 'print'),
  codeInput('step_2', 0, '(1)'),
  codeOutputs('step_2', 0, OUTPUTS),
  stepEvent(closed(code, codeCall('print(1)', OUTPUTS)), running),
];
const CODE = [
  ...BEGIN,
  ...CODE_STEP,
  runEvent({ ...completed, prompt_tokens: 4, completion_tokens: 2 }),
];
/** As above, with the usage of its one step. */
const CODE_RUN = [...CODE.slice(0, -1), runEvent(completed)];

const SHORT_CODE = [
  ...CODE.slice(0, -1),
  runEvent({ ...completed, prompt_tokens: 1, completion_tokens: 1 }),
];

const LINK: Annotation = {
  type: 'file_path',
  text: 'sandbox:/mnt/data/a',
  start_index: 2,
  end_index: 21,
  file_path: { file_id: FILE },
};
const linked = (annotation: Annotation): MessageRow => ({
  ...open,
  status: 'completed',
  completed_at: 2,
  content: [
    imagePart(FILE),
    { type: 'text', text: { value: `🎉 ${LINK.text}`, annotations: [annotation] } },
  ],
});
const FILES = [
  ...TEXT.slice(0, 7),
  imageDelta('msg_1', 0, FILE),
  textDelta('msg_1', 1, '🎉 sandbox:/mnt', true),
  textDelta('msg_1', 1, '/data/a', false),
  annotationsDelta('msg_1', 1, [LINK], 0),
  messageEvent(linked(LINK)),
  ...TEXT.slice(10),
];

test('takes an image and a linked file in one message', () => {
  assertLegalStream(numbered(FILES), { ends: 'end' });
});

test('a message that is cut off has the images and the text of its deltas', () => {
  expect(contentOfDeltas(FILES.slice(0, 10))).toEqual([
    imagePart(FILE),
    { type: 'text', text: { value: '🎉 sandbox:/mnt/data/a', annotations: [] } },
  ]);
  expect(contentOfDeltas(FILES.slice(0, 8))).toEqual([imagePart(FILE)]);
  expect(contentOfDeltas(FILES.slice(0, 7))).toEqual([]);
});

test('takes legal streams, whole or cut where a client pauses', () => {
  assertLegalStream(numbered(TEXT), { ends: 'end' });
  assertLegalStream(numbered(CODE_RUN), { ends: 'end' });
  assertLegalStream([...numbered(TEXT), { id: undefined, event: 'done', data: '[DONE]' }]);
  assertLegalStream(numbered(TEXT).slice(0, 6), { ends: 'cut' });
  assertLegalStream(numbered(TEXT).slice(8), { after: 8 });
});

const without = (events: RunEvent[], index: number) => events.filter((_, at) => at !== index);
const swapped = (events: RunEvent[], index: number) =>
  events.with(index, events[index + 1]!).with(index + 1, events[index]!);
const replaced = (events: RunEvent[], index: number, event: RunEvent) => events.with(index, event);

describe('refuses', () => {
  test.for<[string, RunEvent[]]>([
    ['a run without its creation', TEXT.slice(1)],
    ['a run without an end', TEXT.slice(0, -1)],
    ['anything after the end', [...TEXT, runEvent(completed)]],
    ['a status that cannot follow', without(TEXT, 2)],
    ['a step that was not created', without(TEXT, 3)],
    ['a step that did not begin', without(TEXT, 4)],
    ['a message that was not created', without(TEXT, 5)],
    ['a message that did not begin', without(TEXT, 6)],
    ['a message outside its step', swapped(TEXT, 4)],
    ['a missing delta', without(TEXT, 8)],
    ['deltas in the wrong order', swapped(TEXT, 7)],
    ['annotations sent twice', replaced(TEXT, 8, textDelta('msg_1', 0, ' you', true))],
    ['a content index that leaves a gap', replaced(TEXT, 7, textDelta('msg_1', 1, 'x', true))],
    ['annotations in the middle of a text', swapped(FILES, 9)],
    ['annotations that are missing', without(FILES, 10)],
    ['annotations sent again', [...FILES.slice(0, 11), ...FILES.slice(10)]],
    [
      'an image behind the text',
      [...TEXT.slice(0, 9), imageDelta('msg_1', 1, FILE), ...TEXT.slice(9)],
    ],
    ['an image sent twice', replaced(FILES, 8, imageDelta('msg_1', 0, FILE))],
    [
      'an annotation that points elsewhere',
      FILES.with(10, annotationsDelta('msg_1', 1, [{ ...LINK, start_index: 3 }], 0)).with(
        11,
        messageEvent(linked({ ...LINK, start_index: 3 })),
      ),
    ],
    ["another message's delta", replaced(TEXT, 8, textDelta('msg_2', 0, ' you', false))],
    ['a step closed before its message', swapped(TEXT, 9)],
    ['a run that ends with an open step', without(TEXT, 10)],
    ['steps that overlap', [...TEXT.slice(0, 9), ...CODE_STEP, ...TEXT.slice(9)]],
    ['a step created twice', [...TEXT.slice(0, 11), ...TEXT.slice(3)]],
    ['less usage than its steps have', SHORT_CODE],
    ['an event that no client knows', replaced(TEXT, 7, { event: 'error', data: {} })],
    ['a call opened twice', replaced(CODE_RUN, 6, codeOpened('step_2', 0, CALL))],
    ['a call index that leaves a gap', replaced(CODE_RUN, 5, codeOpened('step_2', 1, CALL))],
    ['a call of another type', replaced(CODE_RUN, 6, functionArguments('step_2', 0, 'x'))],
    ['code that is not what was streamed', without(CODE_RUN, 7)],
    ['outputs that are not what was streamed', without(CODE_RUN, 8)],
    ['an empty delta', replaced(CODE_RUN, 6, codeInput('step_2', 0, ''))],
    ["another step's delta", replaced(CODE_RUN, 6, codeInput('step_9', 0, 'print'))],
    [
      'a pause that asks for a call that was not streamed',
      [
        ...CODE_RUN.slice(0, 5),
        functionOpened('step_2', 0, CALL, 'f'),
        runEvent({
          ...running,
          status: 'requires_action',
          required_action: {
            type: 'submit_tool_outputs',
            submit_tool_outputs: {
              tool_calls: [{ id: CALL, type: 'function', function: { name: 'g', arguments: '' } }],
            },
          },
        }),
      ],
    ],
  ])('%s', ([, events]) => {
    expect(() => assertLegalStream(numbered(events), { ends: 'end' })).toThrow();
  });

  test('ids with a gap, a repetition, or none', () => {
    const events = numbered(TEXT);
    for (const id of [3, 5, undefined]) {
      expect(() => assertLegalStream(events.with(3, { ...events[3]!, id }))).toThrow(/no gap/);
    }
  });

  test('objects that are not what is stored', () => {
    const events = numbered(TEXT);
    const [run, step, answer] = [events.at(-1)!, events.at(-2)!, events.at(-3)!].map(
      ({ data }) => data,
    );
    const stored = { run, steps: [step], messages: [answer] } as never;
    assertLegalStream(events, { stored });
    const other = { ...(answer as object), metadata: { a: 'b' } };
    const changed = { run, steps: [step], messages: [other] } as never;
    expect(() => assertLegalStream(events, { stored: changed })).toThrow();
  });

  test('a response that does not end with done', async () => {
    const frame = 'id: 1\nevent: thread.run.created\ndata: {}\n\n';
    const done = 'event: done\ndata: [DONE]\n\n';
    const read = (body: string) => readToDone(new Response(body));
    expect(await read(`: keep-alive\n${frame}: keep-alive\n${done}`)).toHaveLength(1);
    await expect(read(`${frame}: ping\n\n${done}`)).rejects.toThrow('without event or data');
    await expect(read(frame)).rejects.toThrow('without done');
    await expect(read(`${frame}data: x`)).rejects.toThrow('inside a frame');
    await expect(read(`${frame}garbage\n\n${done}`)).rejects.toThrow('Not a legal frame');
  });
});
