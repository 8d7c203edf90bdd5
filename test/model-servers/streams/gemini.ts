import type { Row, SentCall } from '../row.ts';
import { afterTools, body, chunksOf, DONE, OSLO, refusing, ROME, sse, text, TIME, tool, WEATHER } from '../row.ts';

const wrap = chunksOf({
  created: 1_776_000_000,
  id: 'Kx3saZ',
  model: 'gemini-3-flash',
  object: 'chat.completion.chunk',
});
/** A chunk without a finish has no finish_reason. */
const chunk = (delta: object) => ({
  ...wrap(delta),
  choices: [{ delta: { role: 'assistant', ...delta }, index: 0 }],
});
const end = (finish: string) => wrap({ role: 'assistant' }, finish);
const signature = (value: string, vendor = 'google') => ({
  extra_content: { [vendor]: { thought_signature: value } },
});
const failure = (code: number, status: string, message: string, details: object[] = []) =>
  body(code, [{ error: { code, message, status, details } }]);

const MISSING = failure(400, 'INVALID_ARGUMENT', 'Function call is missing a thought_signature in functionCall parts.');
/** A server that refuses calls without their signature. */
const signing =
  (vendor: string, ...frames: object[]): Row['replies'] =>
  (sent) => {
    const made = sent.messages.flatMap(({ tool_calls = [] }) => tool_calls);
    const value = (call: SentCall | undefined) =>
      (call?.['extra_content'] as Record<string, { thought_signature?: string }> | undefined)?.[vendor]?.thought_signature;
    if (made.length > 0 && value(made[0]) !== 'EjQKMg==') return MISSING;
    return afterTools(sent) ? text(DONE) : sse(...frames);
  };

export const gemini: Row[] = [
  {
    name: 'sends the signature of a call without an index back',
    source: 'noho/dayu-agent#45',
    tools: [WEATHER],
    replies: signing(
      'google',
      chunk({
        tool_calls: [tool({ name: 'get_weather', args: '{"city":"Oslo"}', id: 'jm4owj31' }, signature('EjQKMg=='))],
      }),
      end('stop'),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'sends a signature of Vertex back under its name',
    source: 'earendil-works/pi#6733',
    tools: [WEATHER],
    replies: signing(
      'vertex',
      chunk({
        tool_calls: [
          tool({ index: 0, name: 'get_weather', args: '{"city":"Oslo"}', id: 'function-call-1' }, signature('EjQKMg==', 'vertex')),
        ],
      }),
      end('tool_calls'),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'sends the signature of the first of two calls back',
    tools: [WEATHER],
    replies: signing(
      'google',
      chunk({
        tool_calls: [tool({ index: 0, name: 'get_weather', args: '{"city":"Oslo"}', id: 'fc-1' }, signature('EjQKMg=='))],
      }),
      chunk({
        tool_calls: [tool({ index: 0, name: 'get_weather', args: '{"city":"Rome"}', id: 'fc-2' })],
      }),
      end('stop'),
    ),
    expect: { calls: [OSLO, ROME], requests: 2 },
  },
  {
    name: 'sends a signature back that comes after its call',
    source: 'open-webui/computer#224',
    tools: [WEATHER],
    replies: signing(
      'google',
      chunk({
        tool_calls: [tool({ name: 'get_weather', args: '{"city":', id: 'function-call-1' })],
      }),
      chunk({ tool_calls: [{ function: { arguments: '"Oslo"}' } }] }),
      chunk({ tool_calls: [{ id: 'function-call-1', ...signature('EjQKMg==') }] }),
      end('stop'),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'tells calls with empty ids apart by their names',
    source: 'docs',
    tools: [WEATHER, TIME],
    replies: sse(
      chunk({ tool_calls: [tool({ name: 'get_weather', args: '{"city":"Oslo"}', id: '' })] }),
      chunk({ tool_calls: [tool({ name: 'get_time', args: '{}', id: '' })] }),
      end('stop'),
    ),
    expect: { calls: [OSLO, ['get_time', {}]], requests: 2 },
  },
  {
    name: 'reads two calls of one function without an id and an index in one chunk',
    tools: [WEATHER],
    replies: sse(
      chunk({
        tool_calls: [tool({ name: 'get_weather', args: '{"city":"Oslo"}' }), tool({ name: 'get_weather', args: '{"city":"Rome"}' })],
      }),
      end('stop'),
    ),
    expect: { calls: [OSLO, ROME], requests: 2 },
  },
  {
    name: 'strips a <thought> block',
    source: 'docs',
    replies: sse(
      chunk({ content: '<thought>**Planning**\n', extra_content: { google: { thought: true } } }),
      chunk({ content: '</thought>Hello' }),
      end('stop'),
    ),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'tells the reason of an error in a list, and tries once',
    source: 'google-gemini/gemini-cli#12823',
    replies: failure(400, 'INVALID_ARGUMENT', 'Request contains an invalid argument.'),
    expect: { status: 'failed', code: 'invalid_prompt', error: /invalid argument/, requests: 1 },
  },
  {
    name: 'tries a wrong key once that is answered with 400',
    replies: failure(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.'),
    expect: { status: 'failed', error: /key/, requests: 1 },
  },
  {
    name: 'waits for a quota as long as retryDelay in the body says',
    replies: [
      failure(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota. Please retry in 1s.', [
        { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1s' },
      ]),
      text('Hello'),
    ],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'leaves out a field that the error calls an unknown name',
    source: 'gera2ld/ai.nvim#13',
    tools: [WEATHER],
    run: { parallel_tool_calls: false },
    turns: [['one'], ['two']],
    replies: refusing(
      (sent) => 'parallel_tool_calls' in sent,
      failure(400, 'INVALID_ARGUMENT', 'Invalid JSON payload received. Unknown name "parallel_tool_calls": Cannot find field.'),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
  {
    name: 'fails the run at once at the finish content_filter: RECITATION',
    replies: sse(chunk({ content: 'Take a' }), end('content_filter: RECITATION')),
    expect: { status: 'failed', cut: 'Take a', requests: 1 },
  },
  {
    name: 'does not take MALFORMED_FUNCTION_CALL for success',
    tools: [WEATHER],
    replies: sse(chunk({}), end('function_call_filter: MALFORMED_FUNCTION_CALL')),
    expect: { status: ['failed', 'incomplete'], requests: [1, 5] },
  },
  {
    name: 'fails the run at once at the finish SAFETY',
    replies: sse(chunk({ content: 'Take a' }), end('SAFETY')),
    expect: { status: 'failed', cut: 'Take a', requests: 1 },
  },
  {
    name: 'tries again after a 503 in a list',
    replies: [failure(503, 'UNAVAILABLE', 'The model is overloaded. Please try again later.'), text('Hello')],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'tries once when a 200 has an error in a list',
    replies: body(200, [{ error: { code: 400, message: 'Please use a valid role: user, model.', status: 'INVALID_ARGUMENT' } }]),
    expect: { status: 'failed', error: /valid role/, requests: 1 },
  },
];
