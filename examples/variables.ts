/** Three cells in one Python session: what one run leaves in the variables, the next run of the thread finds there. */
import OpenAI from 'openai';

const client = new OpenAI(); // OPENAI_BASE_URL and OPENAI_API_KEY say where

const assistant = await client.beta.assistants.create({
  name: 'Calculator',
  instructions: 'You calculate. Write and run code, and keep values in variables for later.',
  tools: [{ type: 'code_interpreter' }],
  model: 'gpt-4o',
});
const thread = await client.beta.threads.create();

async function ask(question: string): Promise<void> {
  console.log(`user > ${question}`);
  await client.beta.threads.messages.create(thread.id, { role: 'user', content: question });
  const run = await client.beta.threads.runs.createAndPoll(thread.id, {
    assistant_id: assistant.id,
  });
  if (run.status !== 'completed') {
    throw new Error(`The run is ${run.status}: ${run.last_error?.message}`);
  }
  for await (const step of client.beta.threads.runs.steps.list(run.id, { thread_id: thread.id })) {
    if (step.step_details.type !== 'tool_calls') continue;
    for (const call of step.step_details.tool_calls) {
      if (call.type !== 'code_interpreter') continue;
      console.log(call.code_interpreter.input.trimEnd().replace(/^/gm, '    | '));
      for (const output of call.code_interpreter.outputs) {
        if (output.type === 'logs') console.log(output.logs.trimEnd().replace(/^/gm, '    > '));
      }
    }
  }
}

await ask('Let x = 21');
await ask('Now multiply x by 2');
await ask('What is x + 1?');
