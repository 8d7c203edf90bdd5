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
    name: 'completes at [DONE] without a finish',
    source: 'exo-explore/exo#2184',
    replies: sse(say('Hel'), say('lo')),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'reads calls at [DONE] without a finish',
    source: 'earendil-works/pi#7441',
    tools: [WEATHER],
    replies: sse(wrap({ tool_calls: [tool({ id: 'c1', name: 'get_weather', args: '{"city":"Oslo"}' })] })),
    expect: { calls: [OSLO], requests: 2 },
  },
  {
    name: 'tries again when [DONE] comes within arguments',
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
    name: 'reads characters whose bytes are split over writes',
    replies: inPieces(text('Grüße, 世界! ', '👩‍👩‍👧 ok'), 3),
    expect: { text: 'Grüße, 世界! 👩‍👩‍👧 ok', requests: 1 },
  },
  {
    name: 'skips a byte order mark',
    replies: stream([Buffer.from([0xef, 0xbb, 0xbf]), ...text('Hello').parts]),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'reads data: without a space, and CR line ends',
    replies: stream([`data:${JSON.stringify(say('Hello'))}\r\r`, `data:${JSON.stringify(wrap({}, 'stop'))}\r\rdata:[DONE]\r\r`]),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'joins data of several lines',
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
    name: 'skips events with empty data, an id or a retry',
    source: 'openai/openai-go#651',
    replies: sse('data:\n\n', 'retry: 100\nid: 7\n\n', say('Hello'), 'data: \n\n', 'event: message\ndata:\n\n', chunk({}, 'stop')),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'ends at [DONE] without an empty line after it',
    replies: stream([`data: ${JSON.stringify(say('Hello'))}\n\ndata: ${JSON.stringify(chunk({}, 'stop'))}\n\ndata: [DONE]`]),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'skips blanks around [DONE]',
    replies: open(say('Hello'), chunk({}, 'stop'), 'data:  [DONE] \n\n', say(' again')),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'replaces half of a surrogate pair, in the stream and in the store',
    replies: text('a\ud83d', 'b'),
    expect: { text: 'a\ufffdb', requests: 1 },
  },
  {
    name: 'reads a stream under the content type of JSON',
    replies: stream(text('Hello').parts, 'application/json'),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'reads a JSON completion under the content type of a stream',
    replies: stream([
      JSON.stringify({
        object: 'chat.completion',
        choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
      }),
    ]),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'reads a JSON completion within an event',
    replies: sse({
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
    }),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'reads data: data: as data:',
    source: 'paiml/aprender#2015',
    replies: stream([
      `data: data: ${JSON.stringify(say('Hello'))}\n\n`,
      `data: data: ${JSON.stringify(wrap({}, 'stop'))}\n\n`,
      'data: data: [DONE]\n\n',
    ]),
    expect: { text: 'Hello', requests: 1 },
  },
  {
    name: 'completes at [DONE] when the connection stays open',
    replies: { ...text('Hello'), stays: true },
    expect: { text: 'Hello', requests: 1 },
  },
];
