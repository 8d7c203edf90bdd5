import type { Row } from '../row.ts';
import { body, chunksOf, OSLO, sse, text, tool, WEATHER } from '../row.ts';

const wrap = chunksOf({
  id: '04ef',
  created: 1_771_279_826,
  model: 'MiniMax-M2',
  object: 'chat.completion.chunk',
});
const SAFE = {
  usage: { total_tokens: 0, total_characters: 0 },
  input_sensitive: false,
  output_sensitive: false,
};
const chunk = (delta: object, finish: string | null = null) => wrap({ role: '', ...delta }, finish, SAFE);
const refused = (status_code: number, status_msg: string) =>
  body(200, {
    id: '',
    choices: null,
    created: 0,
    model: '',
    object: '',
    usage: { total_tokens: 0 },
    base_resp: { status_code, status_msg },
  });

export const miniMax: Row[] = [
  {
    name: 'skips an empty role',
    source: 'MiniMax-AI/MiniMax-M2.5#2',
    replies: sse(
      chunk({ reasoning_content: '' }),
      chunk({ reasoning_content: 'Hm' }),
      chunk({ content: 'Hello' }),
      chunk({ content: '' }, 'stop'),
    ),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'reads text once when the last chunk repeats the whole message',
    source: 'docs',
    replies: sse(chunk({ content: 'Hel' }), chunk({ content: 'lo' }), {
      ...wrap({}),
      object: 'chat.completion',
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Hello' } }],
      usage: { total_tokens: 30, prompt_tokens: 25, completion_tokens: 5 },
      base_resp: { status_code: 0, status_msg: '' },
    }),
    expect: { text: 'Hello', usage: [25, 5], requests: 1 },
  },
  {
    name: 'reads a call once when the last chunk repeats the whole message',
    source: 'docs',
    tools: [WEATHER],
    replies: sse(
      chunk({
        tool_calls: [tool({ index: 0, id: 'call_1', name: 'get_weather', args: '{"city":"Oslo"}' })],
      }),
      {
        ...wrap({}),
        object: 'chat.completion',
        choices: [
          {
            index: 0,
            finish_reason: 'tool_calls',
            message: {
              role: 'assistant',
              content: '',
              tool_calls: [tool({ id: 'call_1', name: 'get_weather', args: '{"city":"Oslo"}' })],
            },
          },
        ],
      },
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'strips a <think> block that comes in single characters',
    replies: sse(...Array.from('<think>\nHm <b>\n</think>\n\nHello', (content) => chunk({ content })), chunk({ content: '' }, 'stop')),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'stores no message for a <think> block before a call',
    tools: [WEATHER],
    replies: sse(
      chunk({ content: '<think>I need the weather.</think>\n\n' }),
      chunk({
        tool_calls: [tool({ index: 0, id: 'call_1', name: 'get_weather', args: '{"city":"Oslo"}' })],
      }),
      chunk({ content: '' }, 'tool_calls'),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'tries once when base_resp says that the balance is empty',
    source: 'CherryHQ/cherry-studio#11287',
    replies: refused(1008, 'insufficient balance'),
    expect: { status: 'failed', error: /insufficient balance/, requests: 1 },
  },
  {
    name: 'tries again when base_resp says that a rate is exceeded',
    source: 'RooCodeInc/Roo-Code#9105',
    replies: [refused(1002, 'rate limit exceeded'), text('Hello')],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'skips choices of null',
    source: 'RooCodeInc/Roo-Code#9105',
    replies: sse(
      { ...wrap({}), choices: null },
      chunk({ content: 'Hello' }),
      { ...wrap({}), choices: null },
      chunk({ content: '' }, 'stop'),
    ),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'tells the reason of a refused parameter',
    source: 'zhangyang-crazy-one/tabby-ai-assistant#13',
    replies: body(400, {
      type: 'error',
      error: {
        type: 'invalid_request_error',
        message: 'invalid params, function name or parameters is empty (2013)',
      },
      request_id: '060d',
    }),
    expect: { status: 'failed', error: /parameters is empty/, requests: 1 },
  },
  {
    name: 'ends incomplete when a <think> block is cut by its length',
    replies: sse(chunk({ content: '<think>Hm, let me' }), chunk({ content: ' see' }), chunk({ content: '' }, 'length')),
    expect: { status: 'incomplete', text: [], requests: 1 },
  },
];
