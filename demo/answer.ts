/**
 * Decides what the demo model answers: a pure function of the request. It calls code_interpreter for mathematics, drawings
 * and tables, functions that the question asks for, and file_search. Without calls it answers in words, or JSON if asked.
 */
import { makeValue, readHints } from './arguments.ts';
import { matchingTools } from './choose-tools.ts';
import { dataProgram } from './data-programs.ts';
import { hasUnreadableMath, mathProgram } from './math-programs.ts';
import { readResults, reportResult } from './report.ts';
import type { ToolResult } from './report.ts';
import type { ChatRequest, FunctionTool } from './request.ts';
import { smallTalk } from './small-talk.ts';
import { variablesProgram } from './variables.ts';

export type Call = { name: string; arguments: string };
export type Answer = { text: string } | { calls: Call[] };

/** The question is the last user message; `earlier` ones come before it; `results` are those of its calls. */
type Conversation = {
  instructions: string;
  question: string;
  earlier: string[];
  results: ToolResult[];
};

const NOTICE = "I am Threadmill's built-in demo model, not an LLM.";
/** How the instructions tell the model to address the user. */
const ADDRESS = /\b(?:[Aa]ddress|[Cc]all) the user (?:as )?(\p{Lu}\p{L}*(?: \p{Lu}\p{L}*)*)/u;
const ANY_JSON = { properties: { answer: {} } };

/** Some of the patterns that read a question take quadratic time. What is cut does not count as complete mathematics. */
const cut = (text: string) =>
  text.length > 4000 ? `${text.slice(0, 4000).toWellFormed()} [...]` : text;

export function answer(request: ChatRequest): Answer {
  const conversation = readConversation(request);
  const calls = chooseCalls(request, conversation);
  if (calls.length > 0) return { calls };
  const [, name] = ADDRESS.exec(conversation.instructions) ?? [];
  const greeting = name ? `Hello ${name}! ` : '';
  const text = `${greeting}${explain(request, conversation)}\n\n${NOTICE}`;
  const { type = 'text', json_schema } = request.response_format ?? {};
  if (type === 'text') return { text };
  const hints = { ...readHints(conversation.question), answer: text.replace(/\n+/g, ' ') };
  const outputs = conversation.results.map(({ output }) => readResults(output).join() || output);
  hints.found.number.unshift(...(outputs.join().match(/-?\d+(?:\.\d+)?(?=\D*$)/) ?? []));
  return { text: JSON.stringify(makeValue(json_schema?.schema ?? ANY_JSON, hints)) };
}

function readConversation({ messages }: ChatRequest): Conversation {
  const at = messages.findLastIndex(({ role }) => role === 'user');
  const users = messages.slice(0, at + 1).filter(({ role }) => role === 'user');
  const asked = users.slice(-100).map(({ content }) => cut(content));
  const calls = messages.slice(at + 1).flatMap((message) => message.tool_calls ?? []);
  const results = calls.flatMap((call) => {
    const result = messages.find((message) => message.tool_call_id === call.id);
    return result ? [{ ...call.function, output: result.content }] : [];
  });
  const prompts = messages.filter(({ role }) => role === 'system' || role === 'developer');
  return {
    instructions: prompts.map(({ content }) => content).join('\n'),
    question: asked.at(-1) ?? '',
    earlier: asked.slice(0, -1),
    results,
  };
}

function chooseCalls(request: ChatRequest, conversation: Conversation): Call[] {
  const { tools, tool_choice: choice } = request;
  const { results } = conversation;
  if (choice === 'none') return [];
  // A forced choice applies to the first step only, because otherwise the run could not end.
  const isForced = results.length === 0 && choice !== 'auto';
  const isNamed = isForced && choice !== 'required';
  const allowed = isNamed ? tools.filter(({ name }) => name === choice.name) : tools;
  const asked = toolsFor(allowed, conversation);
  const chosen = asked.length === 0 && isForced ? allowed.slice(0, 1) : asked;
  // Every step of a run has the same question and so the same calls. Calls with results are left out.
  const calls = chosen.flatMap((tool) => {
    const done = results.filter(({ name }) => name === tool.name).length;
    return callsOf(tool, conversation).slice(done);
  });
  return calls.slice(0, request.parallel_tool_calls === false ? 1 : 8);
}

function toolsFor(tools: FunctionTool[], conversation: Conversation): FunctionTool[] {
  const { question } = conversation;
  const code = tools.find(({ name }) => name === 'code_interpreter');
  const search = tools.find(({ name }) => name === 'file_search');
  const functions = tools.filter((tool) => tool !== code && tool !== search);
  const chosen = matchingTools(question, functions);
  if (code && programFor(conversation)) chosen.unshift(code);
  const isSearch =
    /[?？]|\b(?:find|search|summari[sz]e|tell|explain|describe|what|who|when|where|which|how|according|documents?|files?)\b|文件/i;
  return search && chosen.length === 0 && isSearch.test(question) ? [search] : chosen;
}

/** One call. When the question names several places and the function takes one, a call for each place. */
function callsOf(tool: FunctionTool, conversation: Conversation): Call[] {
  const call = (args: unknown) => ({ name: tool.name, arguments: JSON.stringify(args) });
  if (tool.name === 'code_interpreter') return [call({ code: programFor(conversation) ?? 'pass' })];
  const hints = readHints(conversation.question);
  const { place } = hints.found;
  const names = Object.keys(tool.parameters.properties);
  const isOfOne = place.length > 1 && names.some((name) => /^(?:location|city|place)$/i.test(name));
  return (isOfOne ? place.map((one) => [one]) : [place]).map((places) => {
    hints.found.place = places;
    return call(makeValue(tool.parameters, hints));
  });
}

function programFor({ question, earlier, instructions }: Conversation): string | undefined {
  const program = dataProgram(question, instructions) ?? variablesProgram(question, earlier);
  return program ?? mathProgram(question);
}

function explain({ tools }: ChatRequest, conversation: Conversation): string {
  const { question, earlier, results } = conversation;
  if (results.length > 0) return results.map(reportResult).join('\n');
  if (hasUnreadableMath(question)) return CANNOT_READ;
  const canRun = tools.some(({ name }) => name === 'code_interpreter');
  if (!canRun && mathProgram(question)) return CANNOT_RUN;
  return smallTalk(question, earlier);
}

const CANNOT_READ =
  'I cannot read all of the mathematics in your question. I know + - * / ^ % ! and functions such as sqrt, sin and ln.';
const CANNOT_RUN =
  'I calculate with the code_interpreter tool. Add {"type": "code_interpreter"} to the tools and ask again.';
