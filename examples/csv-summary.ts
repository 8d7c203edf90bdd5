/** A file in, a file out: upload a CSV, have it summarised with Python, download the CSV that the answer links. */
import OpenAI, { toFile } from 'openai';

const client = new OpenAI(); // OPENAI_BASE_URL and OPENAI_API_KEY say where

const SALES = `region,product,units,revenue
North,loom,3,1050.50
South,loom,2,700.00
North,spindle,40,200.25
West,loom,1,350.00
South,spindle,12,60.75
`;

const sales = await client.files.create({
  file: await toFile(Buffer.from(SALES), 'sales.csv'),
  purpose: 'assistants',
});
const assistant = await client.beta.assistants.create({
  name: 'Analyst',
  instructions: 'You analyse data. Write and run code with pandas, and link the files you write.',
  tools: [{ type: 'code_interpreter' }],
  model: 'gpt-4o',
});
const thread = await client.beta.threads.create({
  messages: [
    {
      role: 'user',
      content: 'Summarise the attached CSV as a new CSV: the total units and revenue per region.',
      attachments: [{ file_id: sales.id, tools: [{ type: 'code_interpreter' }] }],
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
  console.log(part.text.value);
  for (const annotation of part.text.annotations) {
    if (annotation.type !== 'file_path') continue;
    const content = await client.files.content(annotation.file_path.file_id);
    console.log(`\n${annotation.text} holds:\n\n${await content.text()}`);
  }
}
