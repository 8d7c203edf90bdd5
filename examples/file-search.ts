/** Files to ask: attach two texts, ask a question, and show which file each statement of the answer is from. */
import OpenAI, { toFile } from 'openai';

const client = new OpenAI(); // OPENAI_BASE_URL and OPENAI_API_KEY say where

const TEXTS = {
  'trains.txt': 'The night train to Quill leaves at 22:40. The day train to Orb leaves at noon.',
  'fares.txt': 'A single ticket costs 12 crowns. Children under six pay nothing.',
};

const files = await Promise.all(
  Object.entries(TEXTS).map(async ([name, text]) =>
    client.files.create({ file: await toFile(Buffer.from(text), name), purpose: 'assistants' }),
  ),
);
const assistant = await client.beta.assistants.create({
  name: 'Clerk',
  instructions: 'Answer from the files you are given, and cite them.',
  tools: [{ type: 'file_search' }],
  model: 'gpt-4o',
});
const thread = await client.beta.threads.create({
  messages: [
    {
      role: 'user',
      content: 'When does the night train to Quill leave, according to my files?',
      attachments: files.map(({ id }) => ({ file_id: id, tools: [{ type: 'file_search' }] })),
    },
  ],
});
const run = await client.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id });
if (run.status !== 'completed') {
  throw new Error(`The run is ${run.status}: ${run.last_error?.message}`);
}

const messages = await client.beta.threads.messages.list(thread.id, { run_id: run.id });
for (const part of messages.data[0]?.content ?? []) {
  if (part.type !== 'text') continue;
  let text = part.text.value;
  const cited: string[] = [];
  for (const annotation of part.text.annotations) {
    if (annotation.type !== 'file_citation') continue;
    const { filename } = await client.files.retrieve(annotation.file_citation.file_id);
    cited.push(`[${cited.length + 1}] ${filename}`);
    text = text.replace(annotation.text, `[${cited.length}]`);
  }
  console.log(`${text}\n\n${cited.join('\n')}`);
}
