import type { Row } from '../row.ts';
import { body, chunksOf, OSLO, sse, text, tool, WEATHER } from '../row.ts';

const SAFE = {
  hate: { filtered: false, severity: 'safe' },
  self_harm: { filtered: false, severity: 'safe' },
  sexual: { filtered: false, severity: 'safe' },
  violence: { filtered: false, severity: 'safe' },
};
const chunk = chunksOf(
  {
    id: 'chatcmpl-8P',
    object: 'chat.completion.chunk',
    created: 1_701_059_531,
    model: 'gpt-4o',
    usage: null,
  },
  { content_filter_results: SAFE },
);
const EMPTY = { id: '', object: '', created: 0, model: '', system_fingerprint: null };
const prompt = {
  ...EMPTY,
  choices: [],
  prompt_filter_results: [{ prompt_index: 0, content_filter_results: SAFE }],
};
const offsets = {
  ...EMPTY,
  choices: [
    {
      index: 0,
      finish_reason: null,
      content_filter_results: SAFE,
      content_filter_offsets: { check_offset: 44, start_offset: 44, end_offset: 90 },
    },
  ],
};

export const azure: Row[] = [
  {
    name: 'skips a first chunk that has filter results and no choices',
    source: 'microsoft/semantic-kernel#3650',
    replies: sse(prompt, chunk({ role: 'assistant' }), chunk({ content: 'Hello' }), chunk({}, 'stop')),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'skips a first chunk that has prompt_annotations and no choices',
    source: 'seratch/ChatGPT-in-Slack#49',
    replies: sse(
      {
        ...EMPTY,
        choices: [],
        prompt_annotations: [{ prompt_index: 0, content_filter_results: SAFE }],
        usage: null,
      },
      chunk({ content: 'Hello' }),
      chunk({}, 'stop'),
    ),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'skips chunks without a delta, also after the finish',
    source: 'langchain-ai/langchain#18977',
    replies: sse(prompt, chunk({ content: 'Hel' }), offsets, chunk({ content: 'lo' }), chunk({}, 'stop'), offsets),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'skips chunks without a delta between those of a call',
    source: 'CopilotKit/CopilotKit#2468',
    tools: [WEATHER],
    replies: sse(
      prompt,
      chunk({
        role: 'assistant',
        content: null,
        tool_calls: [tool({ index: 0, id: 'call_1', name: 'get_weather', args: '' })],
      }),
      offsets,
      chunk({ tool_calls: [{ index: 0, function: { arguments: '{"city":"Oslo"}' } }] }),
      offsets,
      chunk({}, 'tool_calls'),
    ),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'fails the run at once when the filter ends the answer',
    replies: sse(prompt, chunk({ content: 'Take a' }), chunk({}, 'content_filter')),
    expect: { status: 'failed', cut: 'Take a', requests: 1 },
  },
  {
    name: 'fails the run at once, with the reason, when the filter refuses the prompt',
    source: 'docs',
    replies: body(400, {
      error: {
        message: "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        type: null,
        param: 'prompt',
        code: 'content_filter',
        status: 400,
        innererror: { code: 'ResponsibleAIPolicyViolation', content_filter_result: SAFE },
      },
    }),
    expect: {
      status: 'failed',
      code: 'invalid_prompt',
      error: /content management policy/,
      requests: 1,
    },
  },
  {
    name: 'asks a deployment that does not exist once',
    source: 'docs',
    replies: body(404, {
      error: {
        code: 'DeploymentNotFound',
        message: 'The API deployment for this resource does not exist.',
      },
    }),
    expect: { status: 'failed', error: /deployment/, requests: 1 },
  },
  {
    name: 'tries once when the body has a message and no error object',
    source: 'docs',
    replies: body(401, {
      statusCode: 401,
      message: 'Unauthorized. Access token is missing, invalid or expired.',
    }),
    expect: { status: 'failed', code: 'server_error', requests: 1 },
  },
  {
    name: 'waits for a call rate as long as retry-after says',
    source: 'docs',
    replies: [
      body(
        429,
        {
          error: {
            code: '429',
            message: 'Requests have exceeded call rate limit. Please retry after 1 second.',
          },
        },
        { 'retry-after': '1' },
      ),
      text('Hello'),
    ],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'tells the model that multi_tool_use.parallel is no tool, and goes on',
    source: 'Azure/azure-rest-api-specs#32329',
    tools: [WEATHER],
    replies: sse(
      chunk({ content: 'Let me see.' }),
      chunk({
        tool_calls: [
          tool({
            index: 0,
            id: 'call_1',
            name: 'multi_tool_use.parallel',
            args: '{"tool_uses":[]}',
          }),
        ],
      }),
      chunk({}, 'tool_calls'),
    ),
    expect: { text: ['Let me see.', 'Done.'], requests: 2 },
  },
];
