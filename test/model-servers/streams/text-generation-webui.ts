import type { Row } from '../row.ts';
import { asksNewest, body, chunksOf, GROWN, narrow, open, sse, stream, text } from '../row.ts';

const wrap = chunksOf({
  id: 'chatcmpl-17',
  object: 'chat.completion.chunk',
  created: 1_707_231_060,
  model: 'mistral-7b',
});
const chunk = (content: string, finish: string | null = null) => ({
  ...wrap({}),
  choices: [{ index: 0, finish_reason: finish, delta: { role: 'assistant', content } }],
});
const both = (content: string, finish: string | null = null) => ({
  ...wrap({}),
  choices: [
    {
      index: 0,
      finish_reason: finish,
      message: { role: 'assistant', content },
      delta: { role: 'assistant', content },
    },
  ],
});

export const webui: Row[] = [
  {
    name: 'reads text once when a message repeats the delta',
    replies: sse(both('Hel'), both('lo'), both('', 'stop')),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'reads CRLF line ends, also when a write ends between them',
    replies: stream([
      ': ping\r',
      `\n\r\ndata: ${JSON.stringify(chunk('Hel'))}\r`,
      '\n\r',
      `\ndata: ${JSON.stringify(chunk('lo'))}\r\n\r\n`,
      `data: ${JSON.stringify(chunk('', 'stop'))}\r\n\r\ndata: [DONE]\r\n\r\n`,
    ]),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'shortens a long thread after a context error under the status 200',
    source: 'oobabooga/textgen#7257',
    turns: GROWN,
    replies: narrow(
      body(200, {
        error: {
          code: 400,
          message: 'the request exceeds the available context size. try increasing the context size or enable context shift',
          type: 'exceed_context_size_error',
          n_prompt_tokens: 6050,
          n_ctx: 4096,
        },
      }),
    ),
    expect: { text: 'ok', requests: [2, 4], sent: asksNewest },
  },
  {
    name: 'ends incomplete at the finish length',
    replies: sse(chunk('Half'), chunk('', 'length')),
    expect: { status: 'incomplete', cut: 'Half', requests: 1 },
  },
  {
    name: 'tries again after a 500 of plain text',
    replies: [body(500, 'Internal Server Error', { 'content-type': 'text/plain' }), text('Hello')],
    expect: { text: 'Hello', requests: 2 },
  },
  {
    name: 'tries again when the stream ends without [DONE] and a finish',
    replies: [open(chunk('Half')), text('Whole.')],
    expect: { text: 'Whole.', requests: 2 },
  },
];
