/** Exercises marked and explained overnight: a file of runs, submitted as a batch, and the feedback in order. */
import { setTimeout as sleep } from 'node:timers/promises';

import OpenAI, { toFile } from 'openai';

const client = new OpenAI(); // OPENAI_BASE_URL and OPENAI_API_KEY say where
const count = Number(process.argv[2] ?? 200);

const assistant = await client.beta.assistants.create({
  name: 'Exercise Tutor',
  instructions:
    'You mark exercises. Run the code of the message. Answer in one line that begins with Right or Wrong.',
  tools: [{ type: 'code_interpreter' }],
  model: 'gpt-4o',
});

/** An exercise with what a pupil wrote. Every fourth pupil adds before multiplying. */
function exercise(number: number) {
  const [a, b, c] = [2 + (number % 17), 3 + (number % 11), 4 + (number % 7)];
  const given = number % 4 === 0 ? a * (b + c) : a * b + c;
  return { task: `${a} * ${b} + ${c}`, product: `${a} * ${b}`, given };
}

/** A line of the batch: the body is that of a request to /v1/threads/runs. */
function line(number: number) {
  const { task, product, given } = exercise(number);
  const code = `print("Answer:", "right," if ${task} == ${given} else "wrong,", "${product} is", ${product}, "and ${task} is", ${task})`;
  const content = `Mark this answer and explain the steps.\n\`\`\`python\n${code}\n\`\`\``;
  const body = { assistant_id: assistant.id, thread: { messages: [{ role: 'user', content }] } };
  return { custom_id: `exercise-${number}`, method: 'POST', url: '/v1/threads/runs', body };
}

const lines = Array.from({ length: count }, (_, index) => JSON.stringify(line(index + 1)));
const file = await client.files.create({
  file: await toFile(Buffer.from(`${lines.join('\n')}\n`), 'exercises.jsonl'),
  purpose: 'batch',
});
let batch = await client.batches.create({
  input_file_id: file.id,
  endpoint: '/v1/threads/runs' as '/v1/responses', // the type names the endpoints of the hosted service
  completion_window: '24h',
});
console.log(`${batch.id} has ${count} exercises`);

while (['validating', 'in_progress', 'finalizing', 'cancelling'].includes(batch.status)) {
  await sleep(1_000);
  batch = await client.batches.retrieve(batch.id);
  console.log(`${batch.status}: ${batch.request_counts?.completed} of ${count} marked`);
}
for (const error of batch.errors?.data ?? []) console.log(`line ${error.line}: ${error.message}`);
if (batch.error_file_id) console.log('Not marked:', await read(batch.error_file_id));
if (!batch.output_file_id) throw new Error(`The batch is ${batch.status}.`);

let right = 0;
for (const text of (await read(batch.output_file_id)).trimEnd().split('\n')) {
  const { custom_id, response } = JSON.parse(text);
  const number = Number(custom_id.split('-')[1]);
  const { task, given } = exercise(number);
  const feedback: string = response.body.messages.at(-1).content[0].text.value;
  if (feedback.startsWith('Right')) right++;
  console.log(`${number}. ${task} = ${given}? ${feedback.split('\n')[0]}`);
}
console.log(`${right} of ${count} answers are right`);

async function read(fileId: string): Promise<string> {
  return (await client.files.content(fileId)).text();
}
