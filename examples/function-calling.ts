/** A weather assistant: its run stops for two functions at once, and goes on with their outputs. */
import OpenAI from 'openai';
import type { AssistantStream } from 'openai/lib/AssistantStream';

const client = new OpenAI(); // OPENAI_BASE_URL and OPENAI_API_KEY say where
const print = (text: string) => process.stdout.write(text);

type Arguments = { location: string; unit?: string };
const cityOf = ({ location }: Arguments) => location.split(',')[0] ?? '';

const functions: Record<string, (args: Arguments) => string> = {
  get_current_temperature: (args) => {
    const celsius = { 'San Francisco': 14, Reykjavik: 3 }[cityOf(args)] ?? 21;
    return args.unit === 'Fahrenheit' ? `${Math.floor(celsius * 1.8) + 32} °F` : `${celsius} °C`;
  },
  get_rain_probability: (args) =>
    ({ 'San Francisco': '6 %', Reykjavik: '80 %' })[cityOf(args)] ?? '20 %',
};

const location = { type: 'string', description: 'The city and state, such as San Francisco, CA' };
const unit = { type: 'string', enum: ['Celsius', 'Fahrenheit'] };

function tool(name: string, description: string, properties: Record<string, object>) {
  const parameters = { type: 'object', properties, required: Object.keys(properties) };
  return { type: 'function' as const, function: { name, description, parameters } };
}

/** Prints a stream to its end. When the run waits for functions, calls them and goes on. */
async function follow(stream: AssistantStream): Promise<void> {
  stream
    .on('textCreated', () => print('\nassistant > '))
    .on('textDelta', (delta) => print(delta.value ?? ''));
  const run = await stream.finalRun();
  if (run.last_error) print(`\nThe run failed: ${run.last_error.message}`);
  if (run.status !== 'requires_action' || run.required_action === null) return;
  const outputs = run.required_action.submit_tool_outputs.tool_calls.map((call) => {
    const { name, arguments: json } = call.function;
    const output = functions[name]?.(JSON.parse(json) as Arguments) ?? 'unknown function';
    print(`function > ${name} ${json} -> ${output}\n`);
    return { tool_call_id: call.id, output };
  });
  await follow(
    client.beta.threads.runs.submitToolOutputsStream(run.id, {
      thread_id: run.thread_id,
      tool_outputs: outputs,
    }),
  );
}

const assistant = await client.beta.assistants.create({
  name: 'Weather Bot',
  instructions: 'You are a weather bot. Use the provided functions to answer questions.',
  tools: [
    tool('get_current_temperature', 'The temperature now', { location, unit }),
    tool('get_rain_probability', 'The probability of rain today', { location }),
  ],
  model: 'gpt-4o',
});
const question = "What's the weather in San Francisco today, and how likely is it to rain?";
const thread = await client.beta.threads.create({
  messages: [{ role: 'user', content: question }],
});
print(`user > ${question}\n\n`);
await follow(client.beta.threads.runs.stream(thread.id, { assistant_id: assistant.id }));
print('\n');
