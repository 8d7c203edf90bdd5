/** What code reads and makes: uploads in /mnt/data, figures, and files that an answer links. */
import { toFile } from 'openai';
import type { AssistantCreateParams } from 'openai/resources/beta/assistants';
import type { MessageCreateParams } from 'openai/resources/beta/threads/messages';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Message, RunStep } from '../../wire/types.ts';
import { Environment } from '../support/environment.ts';
import { cutAfter, text, toolCalls } from '../support/fake-model.ts';
import type { Reply } from '../support/fake-model.ts';
import { assertLegalStream } from '../support/legal-stream.ts';
import { checkRun, CODE, eventsOf, readLog, setUp } from '../support/runs.ts';

let env: Environment;
beforeAll(async () => {
  // One Python at a time: each thread's cell finds that it has made room for another's.
  const models = [
    { id: 'sees-all', vision: true },
    { id: 'blind', vision: false },
  ];
  env = await Environment.start({ sandbox: true, config: { sandboxMaxKernels: 1, models } });
});
afterAll(async () => {
  expect(env.model.overruns).toEqual([]);
  await env[Symbol.asyncDispose]();
});

const code = (...sources: string[]) =>
  toolCalls(sources.map((source) => ({ name: 'code_interpreter', arguments: { code: source } })));
const PNG = Buffer.from('\u0089PNG\r\n\u001a\n', 'latin1');
const DRAW = 'import matplotlib.pyplot as plt\nplt.plot([0, 1], [0, 1])\nplt.show()';

type Chat = { assistant_id: string; threadId: string; model: string };

async function newChat(
  fields: Partial<AssistantCreateParams> = {},
  question = 'Hi',
): Promise<Chat> {
  const { assistant, threadId, model } = await setUp(
    env,
    [],
    { tools: [CODE], ...fields },
    question,
  );
  return { assistant_id: assistant.id, threadId, model };
}

/** One run of these replies, read through the helper's stream and checked against everything else. */
async function run({ assistant_id, threadId, model }: Chat, ...replies: Reply[]) {
  env.model.script(model, ...replies);
  const stream = env.client.beta.threads.runs.stream(threadId, { assistant_id });
  const shown: string[] = [];
  stream.on('imageFileDone', ({ file_id }) => shown.push(file_id));
  const events = await eventsOf(stream);
  const ended = await stream.finalRun();
  expect(ended.last_error).toBeNull();
  return { ...(await checkRun(env, ended, [events])), shown };
}

const outputsOf = (steps: RunStep[]) =>
  steps.flatMap(({ step_details: details }) =>
    details.type !== 'tool_calls'
      ? []
      : details.tool_calls.map((call) =>
          call.type === 'code_interpreter' ? call.code_interpreter.outputs : [],
        ),
  );
const logsOf = (steps: RunStep[]) =>
  outputsOf(steps).map((outputs) =>
    outputs.map((output) => (output.type === 'logs' ? output.logs : '[image]')).join(''),
  );
const textOf = (message: Message) => {
  const part = message.content.at(-1);
  if (part?.type !== 'text') throw new Error('The message has no text.');
  return part.text;
};

async function download(id: string): Promise<Buffer> {
  const response = await env.client.files.content(id);
  return Buffer.from(await response.arrayBuffer());
}

const upload = async (name: string, content: string) =>
  (
    await env.client.files.create({
      file: await toFile(Buffer.from(content), name),
      purpose: 'assistants',
    })
  ).id;

/** What the model was sent last: the first message, or another. */
function sentTo({ model }: Chat, at = 0): string {
  const content = env.model.requests(model).at(-1)?.body.messages.at(at)?.content;
  if (typeof content !== 'string') throw new Error('The message is not text.');
  return content;
}

test('three cells share variables and files over separate runs', async () => {
  const chat = await newChat();
  await run(chat, code('x = 20\nopen("n.txt", "w").write("2")'), text('Set.'));
  await run(chat, code('def f(n): return n + int(open("n.txt").read())'), text('Defined.'));
  const { steps } = await run(chat, code('f(x) + f(x - 2)'), text('42.'));
  expect(logsOf(steps)).toEqual(['42\n']);
});

test('a Python that made room for another thread is restored, and what was lost is named', async () => {
  const [one, other] = [await newChat(), await newChat()];
  await run(one, code('n = 1\ngen = (i for i in range(3))\nnext(gen)'), text('Set.'));
  await run(other, code('n = 2'), text('Set.'));
  const { steps } = await run(one, code('print(n)'), code('print("gen" in globals())'), text('1.'));
  const [restored, after] = logsOf(steps);
  expect(restored).toMatch(/^The Python session was restored\. Not restored: gen\.\n1\n$/);
  expect(after).toBe('False\n');
});

test('a figure is an output, a file, and the beginning of the answer', async () => {
  const chat = await newChat();
  const { steps, messages, shown, log } = await run(
    chat,
    code(`print("before")\n${DRAW}\nprint("after")`),
    text('A line.'),
  );
  const [[before, image, after] = []] = outputsOf(steps);
  if (image?.type !== 'image') throw new Error('There is no image.');
  const id = image.image.file_id;
  expect([before, after]).toEqual([
    { type: 'logs', logs: 'before\n' },
    { type: 'logs', logs: 'after\n' },
  ]);
  expect(messages.map(({ content }) => content)).toEqual([
    [
      { type: 'image_file', image_file: { file_id: id } },
      { type: 'text', text: { value: 'A line.', annotations: [] } },
    ],
  ]);
  expect(shown).toEqual([id]);
  expect((await download(id)).subarray(0, PNG.length)).toEqual(PNG);
  expect(await env.client.files.retrieve(id)).toMatchObject({
    purpose: 'assistants_output',
    filename: 'image-1.png',
  });
  const deltas = log.filter(({ event }) => event === 'thread.message.delta');
  expect(deltas[0]?.data).toMatchObject({
    delta: { content: [{ index: 0, type: 'image_file', image_file: { file_id: id } }] },
  });
  expect(
    deltas.slice(1).map(({ data }) => JSON.stringify(data).includes('"index":1')),
  ).not.toContain(false);
});

test('a run whose events were dropped is told again with its images and links', async () => {
  const chat = await newChat();
  const { run: ended, ...stored } = await run(
    chat,
    code(`${DRAW}\nopen("a.txt", "w").write("1")`),
    text('A line, and sandbox:/mnt/data/a.txt.'),
  );
  expect(textOf(stored.messages[0]!).annotations).toHaveLength(1);
  await env.pool.query('delete from run_events where run_id = $1', [ended.id]);
  const told = await readLog(env, ended);
  assertLegalStream(told, { replay: true, ends: 'end', stored: { run: ended, ...stored } });
});

test('images lead the next message of the run, also one in its middle, and one without text', async () => {
  const chat = await newChat();
  const { messages, steps } = await run(
    chat,
    code(DRAW, DRAW),
    toolCalls([{ name: 'code_interpreter', arguments: { code: DRAW } }], { text: 'Two. Now one:' }),
    text(''),
  );
  const images = outputsOf(steps)
    .flat()
    .map((output) => (output.type === 'image' ? output.image : {}));
  expect(images).toHaveLength(3);
  expect(messages.map(({ content }) => content.map((part) => part.type))).toEqual([
    ['image_file', 'image_file', 'text'],
    ['image_file'],
  ]);
  const shown = messages.flatMap(({ content }) =>
    content.flatMap((part) => (part.type === 'image_file' ? [part.image_file] : [])),
  );
  expect(shown).toEqual(images);
});

test('an answer that was cut off keeps its image, and the next one has it again', async () => {
  const chat = await newChat();
  const { messages } = await run(chat, code(DRAW), cutAfter(text('one two'), 1), text('Three.'));
  const [cut, whole] = messages;
  expect([cut?.status, whole?.status]).toEqual(['incomplete', 'completed']);
  expect(cut?.content[0]).toEqual(whole?.content[0]);
  expect(cut?.content[0]?.type).toBe('image_file');
  expect(textOf(cut!).value).toBe('one');
  expect(textOf(whole!).value).toBe('Three.');
});

test('a table goes in as an attachment and out as a link', async () => {
  const file_id = await upload('sales 2026.csv', 'city,sold\nOslo,1\nRome,2\nOslo,40\n');
  const chat = await newChat();
  await env.client.beta.threads.messages.create(chat.threadId, {
    role: 'user',
    content: 'Sum it up.',
    attachments: [{ file_id, tools: [{ type: 'code_interpreter' }] }],
  });
  const thread = await env.client.beta.threads.retrieve(chat.threadId);
  expect(thread.tool_resources).toEqual({ code_interpreter: { file_ids: [file_id] } });
  const source = [
    'import pandas as pd',
    `assert open("/mnt/data/${file_id}").read() == open("/mnt/data/sales 2026.csv").read()`,
    'table = pd.read_csv("/mnt/data/sales 2026.csv").groupby("city").sum()',
    'table.to_csv("/mnt/data/größe (1).csv")',
    'print(table.sold.sum())',
  ].join('\n');
  const said = '🎉 [here](sandbox:/mnt/data/größe%20(1).csv), [not](sandbox:/mnt/data/none.csv).';
  const {
    messages,
    steps,
    run: ended,
  } = await run(chat, code(source), text(said, { chunkSize: 3 }));
  expect(logsOf(steps)).toEqual(['43\n']);
  expect(ended.tool_resources).toEqual({});
  const { value, annotations } = textOf(messages[0]!);
  expect(value).toBe(said);
  const linked = 'sandbox:/mnt/data/größe%20(1).csv';
  const start = Array.from(said).join('\n').split('\n').indexOf('(') + 1;
  expect(annotations).toEqual([
    {
      type: 'file_path',
      text: linked,
      start_index: start,
      end_index: start + Array.from(linked).length,
      file_path: { file_id: expect.stringMatching(/^file-/) },
    },
  ]);
  const [made] = annotations;
  const id = made?.type === 'file_path' ? made.file_path.file_id : '';
  expect(String(await download(id))).toBe('city,sold\nOslo,41\nRome,2\n');
  expect(await env.client.files.retrieve(id)).toMatchObject({
    filename: 'größe (1).csv',
    purpose: 'assistants_output',
    bytes: 25,
  });
  expect(sentTo(chat)).toContain(`/mnt/data/sales 2026.csv (also as /mnt/data/${file_id})`);

  const again = await run(chat, text(`As before: ${linked}, and sandbox:/mnt/data/${file_id}`));
  const [same, original] = textOf(again.messages[0]!).annotations;
  expect(same).toMatchObject({ file_path: { file_id: id } });
  const copy = original?.type === 'file_path' ? original.file_path.file_id : '';
  expect(String(await download(copy))).toBe('city,sold\nOslo,1\nRome,2\nOslo,40\n');
  const third = await run(chat, text('And sandbox:/mnt/data/sales%202026.csv'));
  expect(textOf(third.messages[0]!).annotations).toMatchObject([{ file_path: { file_id: copy } }]);
});

test('code finds the files of the assistant and of the thread, under names of their own', async () => {
  const [one, two, three] = [
    await upload('a.txt', 'one'),
    await upload('a.txt', 'two'),
    await upload('../../etc/x.txt', 'three'),
  ];
  const chat = await newChat({ tool_resources: { code_interpreter: { file_ids: [one] } } });
  await env.client.beta.threads.update(chat.threadId, {
    tool_resources: { code_interpreter: { file_ids: [two, one, three] } },
  });
  const list = 'import os\nprint({name: open(name).read() for name in sorted(os.listdir())})';
  const { steps } = await run(chat, code(list), text('Listed.'));
  const expected = {
    'a-2.txt': 'two',
    'a.txt': 'one',
    [one]: 'one',
    [two]: 'two',
    [three]: 'three',
    'x.txt': 'three',
  };
  expect(JSON.parse(logsOf(steps)[0]!.replaceAll("'", '"'))).toEqual(expected);

  await env.client.files.delete(two);
  await run(chat, text('Noted.'));
  expect(sentTo(chat)).toContain(`Deleted since they were given: ${two}.`);
  expect(sentTo(chat)).not.toContain('a-2.txt');
});

test('tools of a run that was created with its thread read the files it names', async () => {
  const [theirs, ours] = [await upload('theirs.txt', '1'), await upload('ours.txt', '2')];
  const { assistant_id, model } = await newChat({
    tool_resources: { code_interpreter: { file_ids: [theirs] } },
  });
  env.model.script(model, code('import os\nprint(sorted(os.listdir()))'), text('Listed.'));
  const ended = await env.client.beta.threads.createAndRunPoll({
    assistant_id,
    thread: { messages: [{ role: 'user', content: 'Hi' }] },
    tool_resources: { code_interpreter: { file_ids: [ours] } },
  });
  const { steps } = await checkRun(env, ended);
  expect(logsOf(steps)[0]).toContain('ours.txt');
  expect(logsOf(steps)[0]).not.toContain('theirs.txt');
});

test('a file that code overwrites stays overwritten', async () => {
  const id = await upload('notes.txt', 'old');
  const chat = await newChat({ tool_resources: { code_interpreter: { file_ids: [id] } } });
  await run(chat, code('open("notes.txt", "w").write("new")'), text('Written.'));
  const { steps } = await run(chat, code('print(open("notes.txt").read())'), text('Read.'));
  expect(logsOf(steps)).toEqual(['new\n']);
  const other = await newChat({ tool_resources: { code_interpreter: { file_ids: [id] } } });
  const untouched = await run(other, code('print(open("notes.txt").read())'), text('Read.'));
  expect(logsOf(untouched.steps)).toEqual(['old\n']);
});

test('odd names and things that are no files do not spoil a cell', async () => {
  const [chat, other] = [await newChat(), await newChat()];
  const source = [
    'import os, socket',
    'names = ["a\\\\b", "  ", "-rf", "%s;drop", "日" * 80 + ".txt", "deep/er/x", "é", "e\\u0301"]',
    'os.makedirs("deep/er")',
    'for name in names: open(name, "w").write(name)',
    'for name in [b"bad\\xff", b"new\\nline"]: open(name, "w").write("lost")',
    'os.symlink("/etc/passwd", "link")',
    'os.mkfifo("pipe")',
    'os.link("é", "hard")',
    'os.makedirs("empty")',
  ].join('\n');
  const made = await run(chat, code(source), text('Made.'));
  expect(logsOf(made.steps)[0]).toMatch(/^(?!.*Error)[^]*control characters/);
  await run(other, code('1'), text('One.'));
  const { steps } = await run(
    chat,
    code('print(sorted(name for name in names if open(name).read() != name), open("hard").read())'),
    text('sandbox:/mnt/data/e\u0301 sandbox:/mnt/data/%25s;drop sandbox:/mnt/data/link'),
  );
  expect(logsOf(steps)[0]).toMatch(/\[\] é\n$/);
});

test('a model is shown the images that users send, and as configured those of answers, or none', async () => {
  const pixel =
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  const { id } = await env.client.files.create({
    file: await toFile(Buffer.from(pixel, 'base64'), 'pixel.png'),
    purpose: 'vision',
  });
  const [gone, noImage] = [await upload('gone.png', 'x'), await upload('not.png', 'x')];
  const chat = await newChat();
  const say = (content: MessageCreateParams['content']) =>
    env.client.beta.threads.messages.create(chat.threadId, { role: 'user', content });
  await say([
    { type: 'text', text: 'What is this?' },
    { type: 'image_file', image_file: { file_id: id, detail: 'low' } },
    { type: 'image_file', image_file: { file_id: gone } },
    { type: 'image_file', image_file: { file_id: noImage } },
  ]);
  await env.client.files.delete(gone);
  await run(chat, code(DRAW), text('A pixel.'));
  const question = { type: 'text', text: 'What is this?' };
  const image = (url: unknown, detail: string) => ({
    type: 'image_url',
    image_url: { url, detail },
  });
  const missing = [gone, noImage].map((file) => ({ type: 'text', text: `[image file ${file}]` }));
  const sent = image(`data:image/png;base64,${pixel}`, 'low');
  expect(env.model.requests(chat.model)[0]?.body.messages.at(-1)?.content).toEqual([
    question,
    sent,
    ...missing,
  ]);

  await say('And?');
  const ask = async (model: string) => {
    await env.client.beta.assistants.update(chat.assistant_id, { model });
    await run({ ...chat, model }, text('A line.'));
    return env.model.requests(model).at(-1)!.body.messages.slice(2);
  };
  expect(await ask('another')).toEqual([
    { role: 'user', content: [question, sent, ...missing] },
    { role: 'assistant', content: 'A pixel.' },
    { role: 'user', content: 'And?' },
  ]);
  const drawn = image(expect.stringMatching(/^data:image\/png;base64,iVBOR/), 'auto');
  expect((await ask('sees-all'))[2]?.content).toEqual([
    { type: 'text', text: '[Images of the answer above:]' },
    drawn,
    { type: 'text', text: 'And?' },
  ]);
  expect((await ask('blind'))[0]?.content).toEqual([
    question,
    { type: 'text', text: `[image file ${id}]` },
    ...missing,
  ]);
});

test('the model reads a long output shortened, and the client reads all of it', async () => {
  const chat = await newChat();
  const { steps } = await run(chat, code('print("x" * 50_000)'), text('Long.'));
  expect(logsOf(steps)[0]).toHaveLength(50_001);
  const result = sentTo(chat, -1);
  expect(result.length).toBeLessThan(33_000);
  expect(result).toContain('characters cut');
});

test('a Python that dies is an answer to the model, and leaves the state before its cell', async () => {
  const chat = await newChat();
  const { steps } = await run(
    chat,
    code('n = 1\nopen("n.txt", "w").write("1")'),
    code('n = 2\nopen("n.txt", "w").write("2")\nimport os\nprint("bye", flush=True)\nos._exit(3)'),
    code('print(n, open("n.txt").read())'),
    text('One.'),
  );
  const [, died, after] = logsOf(steps);
  expect(died).toMatch(/^bye\n./);
  expect(after).toMatch(/1 1\n$/);
});

test('a run that expires in a cell ends it, and the cell has had no effect', async () => {
  const chat = await newChat();
  await run(chat, code('n = 1'), text('One.'));
  env.model.script(chat.model, code('n = 2\nwhile True: pass'));
  // Ours: the client does not know it, but sends every key.
  const params = { assistant_id: chat.assistant_id, expires_after: 2 };
  const { id } = await env.client.beta.threads.runs.create(chat.threadId, params);
  const started = { id, thread_id: chat.threadId };
  expect((await readLog(env, started)).at(-1)?.event).toBe('thread.run.expired');
  await checkRun(env, started);
  const { steps } = await run(chat, code('print(n)'), text('One.'));
  expect(logsOf(steps)).toEqual(['1\n']);
});

test('cancelling a run ends its cell at once, and the cell has had no effect', async () => {
  const chat = await newChat();
  await run(chat, code('n = 1\nopen("n.txt", "w").write("1")'), text('One.'));
  env.model.script(
    chat.model,
    code(`n = 2\nopen("n.txt", "w").write("2")\nimport time\nwhile True: time.sleep(0.01)`),
  );
  const { assistant_id } = chat;
  const started = await env.client.beta.threads.runs.create(chat.threadId, { assistant_id });
  const leased = async () => {
    const { rows } = await env.pool.query<{ owner: string | null }>(
      'select owner from interpreters where thread_id = $1',
      [chat.threadId],
    );
    return rows[0]?.owner ?? null;
  };
  await expect.poll(leased).not.toBeNull();
  const before = performance.now();
  await env.client.beta.threads.runs.cancel(started.id, { thread_id: chat.threadId });
  await readLog(env, started);
  expect(performance.now() - before).toBeLessThan(5_000);
  await expect.poll(leased).toBeNull();
  const { steps } = await run(chat, code('print(n, open("n.txt").read())'), text('One.'));
  expect(logsOf(steps)).toEqual(['1 1\n']);
});
