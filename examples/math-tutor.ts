/** A math tutor that writes Python, runs it, and answers, all of it streamed as it happens. */
import OpenAI from 'openai';

const client = new OpenAI(); // OPENAI_BASE_URL and OPENAI_API_KEY say where
const print = (text: string) => process.stdout.write(text);

const assistant = await client.beta.assistants.create({
  name: 'Math Tutor',
  instructions: 'You are a personal math tutor. Write and run code to answer math questions.',
  tools: [{ type: 'code_interpreter' }],
  model: 'gpt-4o',
});
const thread = await client.beta.threads.create();
const question = 'I need to solve the equation `3x + 11 = 14`. Can you help me?';
await client.beta.threads.messages.create(thread.id, { role: 'user', content: question });
print(`user > ${question}\n`);

const stream = client.beta.threads.runs
  .stream(thread.id, {
    assistant_id: assistant.id,
    instructions: 'Please address the user as Jane Doe. The user has a premium account.',
  })
  .on('textCreated', () => print('\nassistant > '))
  .on('textDelta', (delta) => print(delta.value ?? ''))
  .on('toolCallCreated', (toolCall) => print(`\nassistant > ${toolCall.type}\n\n`))
  .on('toolCallDelta', (delta) => {
    if (delta.type !== 'code_interpreter') return;
    print(delta.code_interpreter?.input ?? '');
    for (const output of delta.code_interpreter?.outputs ?? []) {
      if (output.type === 'logs') print(`\noutput >\n${output.logs}`);
    }
  });

const run = await stream.finalRun();
if (run.last_error) print(`\nThe run failed: ${run.last_error.message}`);
print('\n');
