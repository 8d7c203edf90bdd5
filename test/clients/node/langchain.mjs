/** What LangChain for JavaScript makes of assistants: its runnable, and its agent executor around it. */
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

import { runChecks } from './report.mjs';

const require = createRequire(`${process.env.SCENARIO_PACKAGE}/`);
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { OpenAIAssistantRunnable } = await load('@langchain/classic/experimental/openai_assistant');
const { AgentExecutor } = await load('@langchain/classic/agents');
const { DynamicStructuredTool } = await load('@langchain/core/tools');

const SAID = 'Hello there, größte 🧵.';
const weather = new DynamicStructuredTool({
  name: 'get_weather',
  description: 'The weather in a city.',
  schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  func: async ({ city }) => `${city} is sunny`,
});

function assistant(model, fields) {
  return OpenAIAssistantRunnable.createAssistant({
    model: `${process.env.SCENARIO_CLIENT}:${model}`,
    instructions: 'Be kind.',
    clientOptions: { maxRetries: 0 },
    pollIntervalMs: 20,
    ...fields,
  });
}

const texts = (messages) =>
  messages.flatMap(({ content }) => content).map(({ text }) => text.value);

await runChecks({
  async invoke() {
    const runnable = await assistant('text');
    const first = await runnable.invoke({ content: 'Hi' });
    deepEqual(texts(first), [SAID]);
    const threadId = first[0].thread_id;
    deepEqual(texts(await runnable.invoke({ content: 'Hi again', threadId })), [SAID]);
  },

  async outputs() {
    const runnable = await assistant('calls', { tools: [weather], asAgent: true });
    const actions = await runnable.invoke({ content: 'Hi' });
    deepEqual(
      actions.map(({ toolInput }) => toolInput),
      [{ city: 'Rome' }, { city: 'Oslo' }],
    );
    const [{ runId, threadId }] = actions;
    const toolOutputs = actions.map(({ toolCallId }) => ({
      tool_call_id: toolCallId,
      output: 'sunny',
    }));
    const { returnValues } = await runnable.invoke({ runId, threadId, toolOutputs });
    equal(returnValues.output, 'Sunny in both.');
  },

  async agent_executor() {
    const agent = await assistant('calls', { tools: [weather], asAgent: true });
    const executor = AgentExecutor.fromAgentAndTools({ agent, tools: [weather] });
    equal((await executor.invoke({ content: 'Hi' })).output, 'Sunny in both.');
  },

  async code() {
    const runnable = await assistant('code', { tools: [{ type: 'code_interpreter' }] });
    const [message] = await runnable.invoke({ content: 'Draw.' });
    deepEqual(
      message.content.map(({ type }) => type),
      ['image_file', 'text'],
    );
  },

  async changes() {
    const runnable = await assistant('text', { name: 'Tester' });
    equal((await runnable.modifyAssistant({ name: 'Other' })).name, 'Other');
    equal((await runnable.getAssistant()).name, 'Other');
    equal((await runnable.deleteAssistant()).deleted, true);
  },

  async failed_run() {
    const runnable = await assistant('refuses');
    await rejects(runnable.invoke({ content: 'Hi' }), /^Error: Unexpected run status failed\./);
  },
});
