/** A picture: the model draws it with matplotlib, the message shows it, and we keep it. */
import { writeFile } from 'node:fs/promises';
import OpenAI from 'openai';

const client = new OpenAI(); // OPENAI_BASE_URL and OPENAI_API_KEY say where
const target = process.argv[2] ?? 'sine.png';

const assistant = await client.beta.assistants.create({
  name: 'Plotter',
  instructions: 'You draw what you are asked for. Write and run code with matplotlib.',
  tools: [{ type: 'code_interpreter' }],
  model: 'gpt-4o',
});
const thread = await client.beta.threads.create({
  messages: [{ role: 'user', content: 'Plot a sine from 0 to 2 pi' }],
});
const run = await client.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id });
if (run.status !== 'completed') {
  throw new Error(`The run is ${run.status}: ${run.last_error?.message}`);
}

const messages = await client.beta.threads.messages.list(thread.id, { run_id: run.id });
for (const part of messages.data[0]?.content ?? []) {
  if (part.type === 'text') console.log(part.text.value);
  if (part.type !== 'image_file') continue;
  const picture = await client.files.content(part.image_file.file_id);
  await writeFile(target, Buffer.from(await picture.arrayBuffer()));
  console.log(`The picture is in ${target}.\n`);
}
