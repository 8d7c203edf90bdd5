/** Without streaming: start a run, wait for its end, then read what was said and what was done. */
import OpenAI from 'openai';

const client = new OpenAI(); // OPENAI_BASE_URL and OPENAI_API_KEY say where

const assistant = await client.beta.assistants.create({
  name: 'Data Helper',
  instructions: 'You answer questions about numbers. Write and run code to calculate.',
  tools: [{ type: 'code_interpreter' }],
  model: 'gpt-4o',
});
const thread = await client.beta.threads.create();

async function ask(question: string): Promise<void> {
  await client.beta.threads.messages.create(thread.id, { role: 'user', content: question });
  const run = await client.beta.threads.runs.createAndPoll(thread.id, {
    assistant_id: assistant.id,
  });
  if (run.status !== 'completed') {
    throw new Error(`The run is ${run.status}: ${run.last_error?.message}`);
  }
  console.log(`${run.id} is ${run.status} and used ${run.usage?.total_tokens} tokens`);
  const steps = client.beta.threads.runs.steps.list(run.id, { thread_id: thread.id, order: 'asc' });
  for await (const step of steps) {
    console.log(`  ${step.type}: ${step.status}`);
    if (step.step_details.type !== 'tool_calls') continue;
    for (const call of step.step_details.tool_calls) {
      const outputs = call.type === 'code_interpreter' ? call.code_interpreter.outputs : [];
      for (const output of outputs) {
        if (output.type === 'logs') console.log(output.logs.trimEnd().replace(/^/gm, '    | '));
      }
    }
  }
}

await ask('What is the mean and the median of 3, 5, 8, 13 and 21?');
await ask('Is 1001 a prime number?');

console.log('\nThe thread now reads:');
for await (const message of client.beta.threads.messages.list(thread.id, { order: 'asc' })) {
  for (const part of message.content) {
    if (part.type === 'text') console.log(`\n${message.role} > ${part.text.value}`);
  }
}
