import type { Row, Sent } from '../row.ts';
import { afterTools, body, calls, chunksOf, CODE, DONE, namesCode, OSLO, refusing, ROME, sse, text, tool, WEATHER } from '../row.ts';

const chunk = chunksOf({
  id: 'cmpl-04a2',
  object: 'chat.completion.chunk',
  created: 1_704_731_507,
  model: 'mistral-large',
});
const role = chunk({ role: 'assistant', content: '' });

const forbidden = (field: string) => [
  {
    type: 'extra_forbidden',
    loc: ['body', field],
    msg: 'Extra inputs are not permitted',
    input: 256,
  },
];
const invalid = (message: unknown, status = 422) =>
  body(status, {
    object: 'error',
    message,
    type: 'invalid_request_error',
    param: null,
    code: null,
  });
const limited = {
  run: { max_completion_tokens: 256 },
  turns: [['one'], ['two']],
};
const named = (field: string) => (sent: Sent) => field in sent;

export const mistral: Row[] = [
  {
    name: "sends the server's own ids back",
    source: 'langchain-ai/langchain#24668',
    tools: [WEATHER],
    replies: (sent) => {
      const ids = sent.messages.flatMap(({ tool_calls = [] }) => tool_calls.map(({ id }) => id));
      const wrong = ids.find((id) => !/^[a-zA-Z0-9]{9}$/.test(id));
      if (wrong !== undefined) return invalid(`Tool call id was ${wrong} but must be a-z, A-Z, 0-9, with a length of 9.`, 400);
      if (afterTools(sent)) return text(DONE);
      return sse(
        role,
        chunk(
          {
            content: '',
            tool_calls: [
              tool({ id: 'D681PevKs', index: 0, name: 'get_weather', args: '{"city": "Oslo"}' }),
              tool({ id: 'a0Bc1dE2f', index: 1, name: 'get_weather', args: '{"city": "Rome"}' }),
            ],
          },
          'tool_calls',
          { usage: { prompt_tokens: 90, total_tokens: 110, completion_tokens: 20 } },
        ),
      );
    },
    expect: { calls: [OSLO, ROME], requests: 2 },
  },
  {
    name: 'shows parts of text and leaves out parts of thinking',
    source: 'simonw/llm-mistral#39',
    replies: sse(
      role,
      chunk({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'Okay, ' }] }] }),
      chunk({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'hmm.' }] }] }),
      chunk({ content: [{ type: 'text', text: 'Hello' }] }),
      chunk({ content: ' you' }),
      chunk({ content: '' }, 'stop'),
    ),
    expect: { text: 'Hello you', requests: 1 },
  },
  {
    name: 'leaves out references between parts of text',
    source: 'docs',
    replies: sse(
      role,
      chunk({
        content: [
          { type: 'text', text: 'Paris' },
          { type: 'reference', reference_ids: [1, 2] },
        ],
      }),
      chunk({ content: [{ type: 'text', text: ' it is.' }] }),
      chunk({ content: [] }),
      chunk({ content: '' }, 'stop'),
    ),
    expect: { text: 'Paris it is.', requests: 1 },
  },
  {
    name: 'ends incomplete at the finish model_length',
    source: 'docs',
    replies: sse(role, chunk({ content: 'Half' }), chunk({ content: ' an ans' }, 'model_length')),
    expect: { status: 'incomplete', cut: 'Half an ans', requests: 1 },
  },
  {
    name: 'does not take the finish error for success',
    source: 'docs',
    replies: sse(role, chunk({ content: 'Half' }), chunk({ content: '' }, 'error')),
    expect: { status: 'failed', cut: 'Half', requests: [1, 5] },
  },
  {
    name: 'renames max_completion_tokens after a 422 with a nested detail',
    source: 'editor-code-assistant/eca#231',
    ...limited,
    replies: refusing(named('max_completion_tokens'), invalid({ detail: forbidden('max_completion_tokens') })),
    expect: { text: ['ok', 'ok'], requests: 3, sent: keepsLimit },
  },
  {
    name: 'renames max_completion_tokens after a 422 with JSON in a text',
    source: 'mistralai/platform-docs-public#7',
    ...limited,
    replies: refusing(named('max_completion_tokens'), invalid(JSON.stringify({ detail: forbidden('max_completion_tokens') }))),
    expect: { text: ['ok', 'ok'], requests: 3, sent: keepsLimit },
  },
  {
    name: 'renames max_completion_tokens after a 422 with a list of details',
    source: 'Gitlawb/openclaude#739',
    ...limited,
    replies: refusing(named('max_completion_tokens'), body(422, { detail: forbidden('max_completion_tokens') })),
    expect: { text: ['ok', 'ok'], requests: 3, sent: keepsLimit },
  },
  {
    name: 'adapts two fields at once when one error refuses both',
    source: 'Gitlawb/openclaude#739',
    ...limited,
    replies: refusing(
      (sent) => 'max_completion_tokens' in sent || 'stream_options' in sent,
      body(422, {
        detail: [...forbidden('stream_options'), ...forbidden('max_completion_tokens')],
      }),
    ),
    expect: { text: ['ok', 'ok'], requests: 3, sent: keepsLimit },
  },
  {
    name: 'leaves out strict once the server has refused it',
    tools: [{ ...WEATHER, function: { ...WEATHER.function, strict: true } }],
    turns: [['one'], ['two']],
    replies: refusing(
      (sent) => JSON.stringify(sent['tools']).includes('strict'),
      body(422, {
        detail: [
          {
            type: 'extra_forbidden',
            loc: ['body', 'tools', 0, 'function', 'strict'],
            msg: 'Extra inputs are not permitted',
            input: true,
          },
        ],
      }),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
  {
    name: 'tries once when the last role is refused',
    source: 'docs',
    replies: body(400, {
      object: 'error',
      message: 'Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant',
      type: 'invalid_request_message_order',
      param: null,
      code: '3230',
    }),
    expect: { status: 'failed', code: 'invalid_prompt', error: /Expected last role/, requests: 1 },
  },
  {
    name: 'tries again when the service tier is full',
    source: 'docs',
    replies: [
      body(429, {
        object: 'error',
        message: 'Service tier capacity exceeded for this model.',
        type: 'service_tier_capacity_exceeded',
        param: null,
        code: '3505',
      }),
      text('Hello'),
    ],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'tries a wrong key once',
    replies: body(401, { message: 'Unauthorized', request_id: '5f3' }),
    expect: { status: 'failed', code: 'server_error', requests: 1 },
  },
  {
    name: 'tells the model that code_interpreter expects a text, when it has a list',
    tools: [CODE],
    replies: calls(tool({ index: 0, id: 'D681PevKs', name: 'code_interpreter', args: '{"code": ["print(1)"]}' })),
    expect: { text: 'Done.', requests: 2, sent: namesCode },
  },
  {
    name: 'leaves out reasoning_content once the server has refused it',
    source: 'charmbracelet/crush#1590',
    tools: [WEATHER],
    replies: refusing(
      ({ messages }) => messages.some((message) => 'reasoning_content' in message),
      invalid({
        detail: [
          {
            type: 'extra_forbidden',
            loc: ['body', 'messages', 2, 'assistant', 'reasoning_content'],
            msg: 'Extra inputs are not permitted',
            input: 'I need the weather.',
          },
        ],
      }),
      sse(
        chunk({ role: 'assistant', content: '', reasoning_content: 'I need the weather.' }),
        chunk({ tool_calls: [tool({ id: 'D681PevKs', index: 0, name: 'get_weather', args: '{"city": "Oslo"}' })] }, 'tool_calls'),
      ),
    ),
    expect: { calls: [OSLO], requests: [2, 3] },
  },
];

/** A limit that was only dropped would be no limit. */
function keepsLimit(bodies: Sent[]): void {
  for (const sent of bodies.slice(1)) if (typeof sent['max_tokens'] !== 'number') throw new Error('the limit was dropped');
}
