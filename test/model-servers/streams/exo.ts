import type { Row } from '../row.ts';
import { chunk, chunksOf, inPieces, open, OSLO, sse, stream, text, tool, WEATHER } from '../row.ts';

const wrap = chunksOf({
  id: 'chatcmpl-exo',
  object: 'chat.completion',
  created: 1_740_000_000,
  model: 'llama-3.2-3b',
  system_fingerprint: 'exo_0.0.1',
});
const say = (content: string) => wrap({ role: 'assistant', content });

export const exo: Row[] = [
  {
    name: '[DONE] without any finish is an end',
    source: 'exo-explore/exo#2184',
    replies: sse(say('Hel'), say('lo')),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: '[DONE] without any finish ends calls, too',
    source: 'earendil-works/pi#7441',
    tools: [WEATHER],
    replies: sse(wrap({ tool_calls: [tool({ id: 'c1', name: 'get_weather', args: '{"city":"Oslo"}' })] })),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: '[DONE] within the arguments of a call is a cut',
    tools: [WEATHER],
    replies: [
      sse(wrap({ tool_calls: [tool({ index: 0, id: 'c1', name: 'get_weather', args: '{"ci' })] })),
      sse(
        wrap(
          {
            tool_calls: [tool({ index: 0, id: 'c1', name: 'get_weather', args: '{"city":"Oslo"}' })],
          },
          'tool_calls',
        ),
      ),
    ],
    expect: { calls: [OSLO], requests: 3 },
  },
  {
    name: 'characters of several bytes may be split over writes',
    replies: inPieces(text('Grüße, 世界! ', '👩‍👩‍👧 ok'), 3),
    expect: { text: 'Grüße, 世界! 👩‍👩‍👧 ok', requests: 1 },
  },
  {
    name: 'a byte order mark at the beginning is no text',
    replies: stream([Buffer.from([0xef, 0xbb, 0xbf]), ...text('Hello').parts]),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'no space after data, and line ends of one carriage return',
    replies: stream([`data:${JSON.stringify(say('Hello'))}\r\r`, `data:${JSON.stringify(wrap({}, 'stop'))}\r\rdata:[DONE]\r\r`]),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'data in several lines is one value',
    replies: stream([
      ...JSON.stringify(say('Hello'), null, 1)
        .split('\n')
        .map((line) => `data: ${line}\n`),
      '\n',
      ...sse(chunk({}, 'stop')).parts,
    ]),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'events with an empty value, an id or a retry are no chunks',
    source: 'openai/openai-go#651',
    replies: sse('data:\n\n', 'retry: 100\nid: 7\n\n', say('Hello'), 'data: \n\n', 'event: message\ndata:\n\n', chunk({}, 'stop')),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'an end without a last empty line is an end',
    replies: stream([`data: ${JSON.stringify(say('Hello'))}\n\ndata: ${JSON.stringify(chunk({}, 'stop'))}\n\ndata: [DONE]`]),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'blanks around [DONE] are blanks',
    replies: open(say('Hello'), chunk({}, 'stop'), 'data:  [DONE] \n\n', say(' again')),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'half of a surrogate pair for good is a replacement, in the stream as in the store',
    replies: text('a\ud83d', 'b'),
    expect: { text: 'a\ufffdb', requests: 1 },
  },
  {
    name: 'a stream under the type of JSON is a stream',
    replies: stream(text('Hello').parts, 'application/json'),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'a completion under the type of a stream is a completion',
    replies: stream([
      JSON.stringify({
        object: 'chat.completion',
        choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
      }),
    ]),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'a completion within an event is a completion',
    replies: sse({
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
    }),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'a field name that is written twice is one',
    source: 'paiml/aprender#2015',
    replies: stream([
      `data: data: ${JSON.stringify(say('Hello'))}\n\n`,
      `data: data: ${JSON.stringify(wrap({}, 'stop'))}\n\n`,
      'data: data: [DONE]\n\n',
    ]),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'a connection that stays open after [DONE] is not waited for',
    replies: { ...text('Hello'), stays: true },
    expect: { text: 'Hello', requests: 1 },
  },
];
