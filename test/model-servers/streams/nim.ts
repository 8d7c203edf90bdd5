import type { Row } from '../row.ts';
import { body, chunksOf, open, OSLO, refusing, sse, text, tool, WEATHER } from '../row.ts';

const chunk = chunksOf(
  {
    id: 'chat-2267',
    object: 'chat.completion.chunk',
    created: 1_733_162_241,
    model: 'meta/llama-3.1-8b-instruct',
  },
  { logprobs: null },
);
const problem = (code: number, title: string, detail: string) =>
  body(
    code,
    {
      type: `urn:kaizen:problem-details:${title.toLowerCase().replace(' ', '-')}`,
      title,
      status: code,
      detail,
      instance: '/v2/nvcf',
      requestId: '1',
    },
    { 'content-type': 'application/problem+json' },
  );

export const nim: Row[] = [
  {
    name: 'reads arguments in the chunk of the finish',
    source: 'vercel/ai#3953',
    tools: [WEATHER],
    replies: sse(
      chunk({ role: 'assistant', content: null }),
      chunk({ tool_calls: [tool({ index: 0, id: 'chatcmpl-tool-a0', name: 'get_weather' })] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '{"city": "Oslo"' } }] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '}' } }] }, 'tool_calls', {
        usage: { prompt_tokens: 226, completion_tokens: 20, total_tokens: 246 },
      }),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'leaves out parallel_tool_calls after a 422 with a list of details',
    source: 'rowboatlabs/rowboat#724',
    tools: [WEATHER],
    run: { parallel_tool_calls: false },
    turns: [['one'], ['two']],
    replies: refusing(
      (sent) => 'parallel_tool_calls' in sent,
      body(422, {
        detail: [
          {
            type: 'extra_forbidden',
            loc: ['body', 'parallel_tool_calls'],
            msg: 'Extra inputs are not permitted',
            input: false,
          },
        ],
      }),
    ),
    expect: { text: ['ok', 'ok'], requests: 3 },
  },
  {
    name: 'tells a list of details, and tries once',
    source: 'rowboatlabs/rowboat#724',
    replies: body(422, {
      detail: [
        {
          type: 'string_too_long',
          loc: ['body', 'messages', 0, 'content'],
          msg: 'String should have at most 32000 characters',
        },
      ],
    }),
    expect: { status: 'failed', code: 'invalid_prompt', error: /at most 32000/, requests: 1 },
  },
  {
    name: 'tries once after a 404 of plain text',
    replies: body(404, '404 page not found', { 'content-type': 'text/plain' }),
    expect: { status: 'failed', error: /not found|404/, requests: 1 },
  },
  {
    name: 'tries once when credits have expired, and tells the detail of the problem',
    source: 'docs',
    replies: problem(402, 'Payment Required', "Account 'a': Cloud credits expired - Please contact NVIDIA representatives"),
    expect: { status: 'failed', error: /credits expired/, requests: 1 },
  },
  {
    name: 'tries again after a problem of the server',
    replies: [problem(500, 'Internal Server', 'Inference connection error while making inference request'), text('Hello')],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'tries again when a full worker says so within the stream',
    source: 'diegosouzapw/OmniRoute#8210',
    replies: [
      open({
        error: {
          message: 'Worker local total request limit reached (33/32)',
          type: 'service_unavailable',
          code: 503,
        },
        choices: [],
      }),
      text('Hello'),
    ],
    expect: { text: 'Hello', requests: 2 },
  },
];
