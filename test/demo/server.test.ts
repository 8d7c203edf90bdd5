import { execFileSync } from 'node:child_process';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO_MODEL_ID } from '../../demo/models.ts';
import { startDemoModel, type DemoModel } from '../../demo/server.ts';

type Params = Pick<
  OpenAI.ChatCompletionCreateParamsNonStreaming,
  'tools' | 'tool_choice' | 'parallel_tool_calls' | 'response_format' | 'max_completion_tokens'
>;
type Messages = OpenAI.ChatCompletionMessageParam[];

let demo: DemoModel;
let client: OpenAI;

beforeAll(async () => {
  demo = await startDemoModel({ tokensPerSecond: Infinity });
  client = new OpenAI({ baseURL: demo.baseUrl, apiKey: 'none', maxRetries: 0 });
});
afterAll(() => demo.close());

/** One streamed completion, put together by the official client. */
async function complete(messages: Messages, params: Params = {}) {
  const stream = client.chat.completions.stream({
    model: DEMO_MODEL_ID,
    messages,
    ...params,
    stream_options: { include_usage: true },
  });
  const completion = await stream.finalChatCompletion();
  const { message, finish_reason } = completion.choices[0]!;
  const calls = (message.tool_calls ?? []).map((call) => {
    if (call.type !== 'function') throw new Error('a function call was expected');
    const { name, arguments: args } = call.function;
    return { id: call.id, name, arguments: JSON.parse(args) as Record<string, unknown> };
  });
  return { message, text: message.content ?? '', calls, finish_reason, usage: completion.usage };
}

/** Goes on calling the tools with `run` until the model answers in words. */
async function converse(
  messages: Messages,
  params: Params,
  run: (name: string, args: Record<string, unknown>) => string,
) {
  const history = [...messages];
  const called: string[] = [];
  for (let turn = 0; turn < 10; turn++) {
    const reply = await complete(history, params);
    if (reply.calls.length === 0) return { ...reply, called };
    history.push({ role: 'assistant', tool_calls: reply.message.tool_calls ?? [] });
    for (const call of reply.calls) {
      called.push(call.name);
      history.push({
        role: 'tool',
        tool_call_id: call.id,
        content: run(call.name, call.arguments),
      });
    }
  }
  throw new Error('The model never stopped calling tools.');
}

const user = (content: string): Messages[number] => ({ role: 'user', content });
const system = (content: string): Messages[number] => ({ role: 'system', content });
const tool = (
  name: string,
  description = '',
  properties: object = {},
): OpenAI.ChatCompletionTool => ({
  type: 'function',
  function: {
    name,
    description,
    parameters: { type: 'object', properties, required: Object.keys(properties) },
  },
});

const CODE = tool('code_interpreter', 'Runs Python', { code: { type: 'string' } });
const WEATHER = [
  tool('get_current_temperature', 'Get the current temperature for a specific location', {
    location: { type: 'string', description: 'The city and state, e.g., San Francisco, CA' },
    unit: { type: 'string', enum: ['Celsius', 'Fahrenheit'] },
  }),
  tool('get_rain_probability', 'Get the probability of rain for a specific location', {
    location: { type: 'string', description: 'The city and state, e.g., San Francisco, CA' },
  }),
];
const WEATHER_QUESTION = "What's the weather in San Francisco today and the likelihood it'll rain?";
const NOTICE = 'built-in demo model, not an LLM';

function runPython(args: Record<string, unknown>): string {
  return execFileSync('python3', ['-I', '-c', String(args.code)], { encoding: 'utf8' });
}

describe('code_interpreter', () => {
  test('solves the equation of the quickstart and addresses the user by name', async () => {
    const reply = await converse(
      [
        system('You are a personal math tutor. Write and run code to answer math questions.'),
        system('Please address the user as Jane Doe. The user has a premium account.'),
        user('I need to solve the equation `3x + 11 = 14`. Can you help me?'),
      ],
      { tools: [CODE] },
      (_, args) => runPython(args),
    );
    expect(reply.called).toEqual(['code_interpreter']);
    expect(reply.text).toContain('Hello Jane Doe!');
    expect(reply.text).toContain('The solution is x = 1.');
    expect(reply.text.split(NOTICE)).toHaveLength(2);
    expect(reply.finish_reason).toBe('stop');
  });

  test('reads results that the tool wraps in JSON', async () => {
    const reply = await converse([user('17 * 23')], { tools: [CODE] }, (_, args) =>
      JSON.stringify({ outputs: [{ type: 'logs', logs: runPython(args) }] }),
    );
    expect(reply.text).toContain('The result is 17 * 23 = 391.');
  });

  test('shows the output of code that failed instead of an answer', async () => {
    const reply = await converse([user('17 * 23')], { tools: [CODE] }, () => 'Timed out');
    expect(reply.text).toContain('The code printed:\n\nTimed out');
  });

  test('says how to switch it on when it is not offered', async () => {
    const { text, calls } = await complete([user('what is 17 * 23?')]);
    expect(calls).toEqual([]);
    expect(text).toContain('{"type": "code_interpreter"}');
  });

  test('looks at files and draws charts', async () => {
    const files = await complete([user('Describe the uploaded file')], { tools: [CODE] });
    expect(String(files.calls[0]!.arguments.code)).toContain('os.listdir');
    const chart = await converse(
      [user('Plot y = x^2 from -2 to 2')],
      { tools: [CODE] },
      (_, args) => {
        expect(args.code).toContain('return x ** 2');
        return 'File: chart.svg\n';
      },
    );
    expect(chart.text).toContain('[Download chart.svg](sandbox:/mnt/data/chart.svg)');
  });

  const PROMPT = `Python 3.11. Installed packages: numpy 1.24.2, pandas 1.5.3, matplotlib 3.6.3. Files:
- /mnt/data/file-AbCdEf0123456789abcdefgh, also as /mnt/data/sales.csv`;

  test('draws with matplotlib when the tool prompt lists it, and says what the figure shows', async () => {
    const reply = await converse(
      [system(PROMPT), user('Plot a sine')],
      { tools: [CODE] },
      (_, args) => {
        expect(args.code).toContain('import matplotlib.pyplot as plt');
        return 'Answer: the figure shows sin(x).\n[image file-abc]';
      },
    );
    expect(reply.text).toContain('The figure shows sin(x).\n\n');
  });

  test('summarises the file of the tool prompt and links what it wrote', async () => {
    const reply = await converse(
      [system(PROMPT), user('Summarise the attached CSV: total revenue per region')],
      { tools: [CODE] },
      (_, args) => {
        expect(args.code).toContain('pd.read_csv("/mnt/data/sales.csv")');
        return 'Answer: done.\nFile: sales_summary.csv';
      },
    );
    expect(reply.text).toContain(
      '[Download sales_summary.csv](sandbox:/mnt/data/sales_summary.csv)',
    );
  });

  test('goes on with variables of earlier questions, a cell at a time when several are wanted', async () => {
    const { calls } = await complete(
      [user('Let x = 21'), { role: 'assistant', content: '21' }, user('Now multiply x by 2')],
      { tools: [CODE] },
    );
    expect(calls[0]!.arguments.code).toContain('x = x * 2\n');
    const cells: string[] = [];
    const reply = await converse(
      [user('In three cells: let a = 6, then let b = a + 1, then print a * b')],
      { tools: [CODE] },
      (_, args) => {
        cells.push(String(args.code));
        return execFileSync('python3', ['-I', '-c', cells.join('')], { encoding: 'utf8' });
      },
    );
    expect(reply.called).toHaveLength(3);
    expect(reply.text).toContain('The result is a * b = 42.');
  });
});

describe('function tools', () => {
  test('calls both weather functions in parallel and quotes their results', async () => {
    const first = await complete([user(WEATHER_QUESTION)], { tools: WEATHER });
    expect(first.finish_reason).toBe('tool_calls');
    expect(first.calls.map(({ name }) => name).sort()).toEqual([
      'get_current_temperature',
      'get_rain_probability',
    ]);
    expect(first.calls.every((call) => call.arguments.location === 'San Francisco')).toBe(true);
    const reply = await converse([user(WEATHER_QUESTION)], { tools: WEATHER }, (name) =>
      name === 'get_rain_probability' ? '0.06' : '57',
    );
    expect(reply.called).toEqual(['get_current_temperature', 'get_rain_probability']);
    expect(reply.text).toContain('The current temperature in San Francisco (Celsius) is 57.');
    expect(reply.text).toContain('The rain probability in San Francisco is 0.06.');
    expect(reply.text).toContain(NOTICE);
  });

  test('calls one after another when parallel calls are off', async () => {
    const params = { tools: WEATHER, parallel_tool_calls: false };
    expect((await complete([user(WEATHER_QUESTION)], params)).calls).toHaveLength(1);
    const reply = await converse([user(WEATHER_QUESTION)], params, () => 'ok');
    expect(reply.called.toSorted()).toEqual(['get_current_temperature', 'get_rain_probability']);
  });

  test('calls a function once per place', async () => {
    const { calls } = await complete([user('Is it warmer in Paris or in Rome?')], {
      tools: [tool('get_weather', 'Get the weather', { city: { type: 'string' } })],
    });
    expect(calls.map((call) => call.arguments)).toEqual([{ city: 'Paris' }, { city: 'Rome' }]);
  });

  test('calls it for one place after the other when parallel calls are off', async () => {
    const tools = [tool('get_weather', 'Get the weather', { city: { type: 'string' } })];
    const question = [user('Is it warmer in Paris or in Rome?')];
    const reply = await converse(question, { tools, parallel_tool_calls: false }, () => 'mild');
    expect(reply.called).toEqual(['get_weather', 'get_weather']);
    expect(reply.text).toMatch(/^The weather in Paris is mild\.\nThe weather in Rome is mild\.$/m);
  });

  test('leaves out a function that would answer the same part of the question', async () => {
    const tools = [
      tool('get_forecast', 'Weather forecast', { city: { type: 'string' } }),
      tool('get_weather', 'The weather now', { city: { type: 'string' } }),
    ];
    const reply = await converse([user('What is the weather in Paris?')], { tools }, () => 'mild');
    expect(reply.called).toHaveLength(1);
  });

  test('calls the one function of many that the question asks for', async () => {
    const tools = [
      ...WEATHER,
      tool('get_stock_price', 'Get the price of a stock', { symbol: { type: 'string' } }),
      tool('get_order_status', 'Look up an order', { order_id: { type: 'string' } }),
      tool('cancel_order', 'Cancel an order', { order_id: { type: 'string' } }),
      tool('sendEmail', 'Send an e-mail', { to: { type: 'string', format: 'email' } }),
    ];
    const names = async (question: string) =>
      (await complete([user(question)], { tools })).calls.map(({ name }) => name);
    expect(await names('What does AAPL stock cost right now?')).toEqual(['get_stock_price']);
    expect(await names('Where is my order #A-17?')).toEqual(['get_order_status']);
    expect(await names('Please cancel order #A-17')).toContain('cancel_order');
    expect(await names('Send a mail to ann@example.com')).toEqual(['sendEmail']);
    expect(await names('Who is the user with id 42?')).toEqual([]);
    expect(await names('Hello there!')).toEqual([]);
    expect(await names('Who are you?')).toEqual([]);
  });

  test('obeys tool_choice on the first step, and stops after it', async () => {
    const named = { type: 'function', function: { name: 'get_rain_probability' } } as const;
    for (const tool_choice of ['required', named] as const) {
      const reply = await converse([user('Hello')], { tools: WEATHER, tool_choice }, () => 'fine');
      expect(reply.called).toHaveLength(1);
      if (tool_choice === named) expect(reply.called).toEqual(['get_rain_probability']);
      expect(reply.text).toMatch(/^The .+ is fine\.$/m);
    }
    const none = await complete([user(WEATHER_QUESTION)], { tools: WEATHER, tool_choice: 'none' });
    expect(none.calls).toEqual([]);
    const code = await complete([user('Hi')], { tools: [CODE], tool_choice: 'required' });
    expect(runPython(code.calls[0]!.arguments)).toContain('your question has 1 words');
  });

  test('calls a function again for a later question', async () => {
    const answered: Messages = [
      user('How hot is it in Rome?'),
      {
        role: 'assistant',
        tool_calls: [
          { id: 'c1', type: 'function', function: { name: 'get_weather', arguments: '{}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'c1', content: '31' },
      { role: 'assistant', content: '31' },
    ];
    const tools = [tool('get_weather', '', { city: { type: 'string' } })];
    const { calls } = await complete([...answered, user('And the weather in Oslo?')], { tools });
    expect(calls[0]!.arguments).toEqual({ city: 'Oslo' });
  });

  test('searches files for a question when file_search is offered', async () => {
    const tools = [tool('file_search', '', { query: { type: 'string' } })];
    const { calls } = await complete([user('How many shares were outstanding?')], { tools });
    expect(calls[0]).toMatchObject({ arguments: { query: 'How many shares were outstanding?' } });
  });
});

test('cites the sentence of a file that is nearest to the question', async () => {
  const output =
    '【1:0†orb.txt】\nOrb is a lake. Blue fish eat moss.\n\n【1:1†quill.txt】\nQuill is a town.';
  const call = { name: 'file_search', arguments: '{"queries":["What do blue fish eat?"]}' };
  const { text } = await complete([
    user('What do blue fish eat?'),
    { role: 'assistant', tool_calls: [{ id: 'c1', type: 'function', function: call }] },
    { role: 'tool', tool_call_id: 'c1', content: output },
  ]);
  expect(text).toContain('Your files say: Blue fish eat moss【1:0†orb.txt】.');
});

describe('answers in words', () => {
  test('reflects the question, counts messages and says what it is', async () => {
    const { text } = await complete([
      user('First'),
      { role: 'assistant', content: 'Yes' },
      user('Tell me about looms'),
    ]);
    expect(text).toContain('"Tell me about looms"');
    expect(text).toContain('I can see 3 messages in this thread.');
    expect(text).toContain(NOTICE);
  });

  test.each([
    ['My name is Ann', 'What is my name?', 'Your name is Ann.'],
    ["Hi, I'm Ann Lee.", 'Do you remember my name?', 'Your name is Ann Lee.'],
    ['My favourite colour is dark blue.', "What's my favourite colour?", 'colour is dark blue.'],
    ['Nothing', 'What is my name?', 'You have not told me your name'],
  ])('remembers: %s %s', async (told, asked, expected) => {
    const { text } = await complete([
      user(told),
      { role: 'assistant', content: 'Ok' },
      user(asked),
    ]);
    expect(text).toContain(expected);
  });

  test.each([
    ['Hello!', 'welcome to Threadmill'],
    ['Count to 5', '1, 2, 3, 4, 5.'],
    ['Say "good morning"', 'good morning\n\n'],
    ['Tell me a long story', 'only an open book.'],
    ['', 'There is no question'],
  ])('has an answer for: %s', async (question, expected) => {
    expect((await complete([user(question)])).text).toContain(expected);
  });

  test('reads content given in parts and counts images', async () => {
    const { text } = await complete([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Look at this' },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
        ],
      },
    ]);
    expect(text).toContain('"Look at this"');
    expect(text).toContain('1 came with your message');
  });
});

describe('response formats', () => {
  test('fills a JSON schema', async () => {
    const schema = {
      type: 'object',
      properties: {
        steps: {
          type: 'array',
          items: {
            type: 'object',
            properties: { explanation: { type: 'string' }, output: { type: 'string' } },
            required: ['explanation', 'output'],
            additionalProperties: false,
          },
        },
        final_answer: { type: 'number' },
      },
      required: ['steps', 'final_answer'],
      additionalProperties: false,
    };
    const reply = await converse(
      [user('what is 17 * 23?')],
      {
        tools: [CODE],
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'maths', schema, strict: true },
        },
      },
      (_, args) => runPython(args),
    );
    expect(JSON.parse(reply.text)).toMatchObject({
      steps: [{ explanation: expect.stringContaining('The result is 17 * 23 = 391.') }],
      final_answer: 391,
    });
  });

  test('answers with a JSON object', async () => {
    const { text } = await complete([user('Hello, in JSON')], {
      response_format: { type: 'json_object' },
    });
    expect(JSON.parse(text)).toMatchObject({ answer: expect.stringContaining(NOTICE) });
  });
});

describe('the protocol', () => {
  test('stops at the token limit, in text and in tool calls', async () => {
    const text = await complete([user('Tell me a story')], { max_completion_tokens: 5 });
    expect(text.finish_reason).toBe('length');
    expect(text.usage).toMatchObject({ completion_tokens: 5 });
    const response = await client.chat.completions.create({
      model: 'any',
      messages: [user('17 * 23')],
      tools: [CODE],
      max_tokens: 4,
    });
    expect(response.choices[0]).toMatchObject({
      finish_reason: 'length',
      message: { content: null, tool_calls: [{ function: { name: 'code_interpreter' } }] },
    });
  });

  test('sends usage last with no choices when asked, and not otherwise', async () => {
    const read = async (extra: object) => {
      const chunks: OpenAI.ChatCompletionChunk[] = [];
      const stream = await client.chat.completions.create({
        model: 'any',
        messages: [user('Hello')],
        stream: true,
        ...extra,
      });
      for await (const chunk of stream) chunks.push(chunk);
      return chunks;
    };
    const asked = await read({ stream_options: { include_usage: true } });
    const { usage, choices } = asked.at(-1)!;
    expect(choices).toEqual([]);
    expect(usage!.total_tokens).toBe(usage!.prompt_tokens + usage!.completion_tokens);
    expect(asked[0]!.choices[0]!.delta).toEqual({ role: 'assistant', content: '' });
    expect((await read({})).some((chunk) => chunk.usage)).toBe(false);
  });

  test('says the same without streaming, under the model id that was asked for', async () => {
    const messages = [user('Count to 3')];
    const { text } = await complete(messages);
    const plain = await client.chat.completions.create({ model: 'gpt-4o', messages });
    expect(plain.choices[0]!.message.content).toBe(text);
    expect(plain.model).toBe('gpt-4o');
    expect(plain.usage!.completion_tokens).toBeGreaterThan(3);
  });

  test('lists itself as a model', async () => {
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['threadmill-demo']);
    expect((await client.models.retrieve(DEMO_MODEL_ID)).id).toBe('threadmill-demo');
  });

  const valid = { model: 'm', messages: [{ role: 'user', content: 'x' }] };
  const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } };
  test.each<[string, object | string, string | null]>([
    ['no JSON', '{', null],
    ['no object', '[]', null],
    ['no model', { messages: valid.messages }, null],
    ['no messages', { model: 'm' }, 'messages'],
    ['empty messages', { model: 'm', messages: [] }, 'messages'],
    ['messages of a wrong type', { model: 'm', messages: 'hello' }, 'messages'],
    ['a message that is no object', { model: 'm', messages: ['x'] }, 'messages[0]'],
    [
      'an unknown role',
      { model: 'm', messages: [{ role: 'bot', content: '' }] },
      'messages[0].role',
    ],
    [
      'content of a wrong type',
      { model: 'm', messages: [{ role: 'user', content: 3 }] },
      'messages[0].content',
    ],
    [
      'a result without a call',
      { model: 'm', messages: [{ role: 'tool', tool_call_id: 'x', content: '' }] },
      'messages[0].role',
    ],
    [
      'a call without a result',
      { model: 'm', messages: [{ role: 'assistant', tool_calls: [call] }, ...valid.messages] },
      'messages[1].role',
    ],
    [
      'a tool without a name',
      { ...valid, tools: [{ type: 'function', function: {} }] },
      'tools[0].function.name',
    ],
    ['a choice without tools', { ...valid, tool_choice: 'required' }, 'tool_choice'],
    [
      'a choice of an unknown tool',
      { ...valid, tools: WEATHER, tool_choice: { type: 'function', function: { name: 'f' } } },
      'tool_choice',
    ],
    [
      'an unknown response format',
      { ...valid, response_format: { type: 'xml' } },
      'response_format',
    ],
    [
      'a format without a schema',
      { ...valid, response_format: { type: 'json_schema' } },
      'response_format.json_schema',
    ],
    ['no tokens', { ...valid, max_completion_tokens: 0 }, 'max_completion_tokens'],
    ['several choices', { ...valid, n: 2 }, 'n'],
  ])('refuses a request with %s', async (_, body, param) => {
    const response = await fetch(`${demo.baseUrl}/chat/completions`, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { message: expect.any(String), type: 'invalid_request_error', param },
    });
  });

  test('answers 404 in the error envelope to anything else', async () => {
    const error = await client.files.list().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(String(error)).toContain(
      'The demo model serves chat completions only, not GET /v1/files.',
    );
  });

  test('streams at the configured rate, and a client may leave', async () => {
    const slow = await startDemoModel({ tokensPerSecond: 100 });
    const reader = new OpenAI({ baseURL: slow.baseUrl, apiKey: 'none', maxRetries: 0 });
    const messages = [user('Tell me a story')];
    const started = performance.now();
    const stream = await reader.chat.completions.create({ model: 'm', messages, stream: true });
    let count = 0;
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) count++;
      if (count === 10) break; // closes the connection
    }
    expect(performance.now() - started).toBeGreaterThan(90);
    await slow.close();
  });

  test('cuts answers in progress when it is closed, and closes once', async () => {
    const slow = await startDemoModel({ tokensPerSecond: 1, host: '127.0.0.1', port: 0 });
    const reader = new OpenAI({ baseURL: slow.baseUrl, apiKey: 'none', maxRetries: 0 });
    const messages = [user('Hello')];
    const stream = await reader.chat.completions.create({ model: 'm', messages, stream: true });
    await slow.close();
    await slow.close();
    const read = async () => {
      for await (const chunk of stream) expect(chunk).toBeDefined();
    };
    await expect(read()).rejects.toThrow();
  });
});
