/**
 * What the demo model answers: a pure function of the request. It calls code_interpreter for mathematics, files and
 * charts, calls the functions a question asks for (each once per question), and answers in words or JSON otherwise.
 */
import { makeArguments, makeValue } from './arguments.ts';
import { matchingTools } from './choose-tools.ts';
import { addressedName, readConversation, type Conversation } from './conversation.ts';
import { dataProgram } from './data-programs.ts';
import { readHints, type Hints } from './hints.ts';
import { mathProgram, readResults } from './math.ts';
import type { ChatRequest, FunctionTool, JsonSchema } from './request.ts';
import { reportResult } from './report.ts';
import { NOTICE, smalltalk } from './smalltalk.ts';
import { variablePrograms } from './variables.ts';
import { withoutFiles } from './workspace.ts';

export type Call = { name: string; arguments: string };
export type Answer = { text: string } | { toolCalls: Call[] };

const CODE_INTERPRETER = 'code_interpreter';
const FILE_SEARCH = 'file_search';
const MOST_CALLS = 8;

/** @param today the date that "today" in a question means, YYYY-MM-DD */
export function answer(
  request: ChatRequest,
  today: string = new Date().toISOString().slice(0, 10),
): Answer {
  const conversation = readConversation(request);
  const hints = readHints(conversation.question, today);
  const toolCalls = chooseCalls(request, conversation, hints);
  if (toolCalls.length > 0) return { toolCalls };
  const said = sentences(request, conversation);
  if (request.responseFormat.type === 'text') return { text: said };
  return { text: asJson(request.responseFormat, conversation, hints, said) };
}

function chooseCalls(request: ChatRequest, conversation: Conversation, hints: Hints): Call[] {
  const { tools, toolChoice, parallelToolCalls } = request;
  if (toolChoice === 'none') return [];
  // A forced choice is meant for the first step; forced for ever, a run could not end.
  const isForced = conversation.results.length === 0 && toolChoice !== 'auto';
  const allowed =
    isForced && typeof toolChoice === 'object' ? named(tools, toolChoice.name) : tools;
  const matching = chooseTools(conversation, allowed);
  const chosen = matching.length === 0 && isForced ? allowed.slice(0, 1) : matching;
  const calls = chosen.flatMap((tool) =>
    // The question and so the list are the same at every step: what was called is its beginning.
    callsOf(tool, conversation, hints).slice(timesCalled(conversation, tool.name)),
  );
  // A cell goes on from the one before it, so only one is sent at a time.
  const isCode = chosen.some(({ name }) => name === CODE_INTERPRETER);
  return calls.slice(0, parallelToolCalls && !isCode ? MOST_CALLS : 1);
}

function chooseTools(conversation: Conversation, tools: FunctionTool[]): FunctionTool[] {
  const { question, results } = conversation;
  const calculators = named(tools, CODE_INTERPRETER);
  const isLeft = timesCalled(conversation, CODE_INTERPRETER) < programsFor(conversation).length;
  if (calculators.length > 0 && isLeft) return calculators;
  const functions = tools.filter(({ name }) => name !== CODE_INTERPRETER && name !== FILE_SEARCH);
  const matching = matchingTools(question, functions);
  if (matching.length > 0 || results.length > 0) return matching;
  return /\?|\b(?:find|search|summari[sz]e|according to|documents?|files?)\b/i.test(question)
    ? named(tools, FILE_SEARCH)
    : [];
}

function timesCalled({ results }: Conversation, tool: string): number {
  return results.filter(({ name }) => name === tool).length;
}

function named(tools: FunctionTool[], wanted: string): FunctionTool[] {
  return tools.filter(({ name }) => name === wanted);
}

/** The cells that answer the question: one, or several when it asks for that. */
function programsFor({ question, earlier, workspace }: Conversation): string[] {
  const data = dataProgram(question, workspace);
  if (data !== undefined) return [data];
  const readable = withoutFiles(question);
  const cells = variablePrograms(readable, earlier.map(withoutFiles));
  return cells.length > 0 ? cells : [mathProgram(readable) ?? []].flat();
}

/** Usually one; one per place when the question names several and the function takes one. */
function callsOf(tool: FunctionTool, conversation: Conversation, hints: Hints): Call[] {
  const call = (args: object) => ({ name: tool.name, arguments: JSON.stringify(args) });
  const { question } = conversation;
  if (tool.name === CODE_INTERPRETER) return cellsOf(conversation).map((code) => call({ code }));
  if (tool.name === FILE_SEARCH && !tool.parameters) return [call({ query: question })];
  if (tool.name === FILE_SEARCH && takesQueries(tool.parameters))
    return [call({ queries: [question] })];
  const places = takesOnePlace(tool.parameters) ? hints.places : [];
  if (places.length < 2) return [call(makeArguments(tool.parameters, hints))];
  return places.map((place) => call(makeArguments(tool.parameters, { ...hints, places: [place] })));
}

/** Never empty: a call may be demanded although there is nothing to calculate. */
function cellsOf(conversation: Conversation): string[] {
  const programs = programsFor(conversation);
  return programs.length > 0 ? programs : [idleCode(conversation.question)];
}

function takesQueries(parameters: JsonSchema | undefined): boolean {
  return typeof parameters === 'object' && 'queries' in ((parameters.properties ?? {}) as object);
}

function takesOnePlace(parameters: JsonSchema | undefined): boolean {
  if (typeof parameters !== 'object') return false;
  const names = Object.keys((parameters.properties as object | undefined) ?? {});
  return names.filter((name) => /^(?:location|city|place|town)$/i.test(name)).length === 1;
}

function idleCode(question: string): string {
  return `# There is nothing to calculate in the question, so look at the question itself
question = ${JSON.stringify(question)}

words = question.split()
print("Characters:", len(question))
print("Answer: your question has", len(words), "words")
`;
}

function sentences(request: ChatRequest, conversation: Conversation): string {
  const name = addressedName(conversation);
  const greeting = name ? `Hello ${name}! ` : '';
  return `${greeting}${mainPart(request, conversation)}\n\n${NOTICE}`;
}

function mainPart(request: ChatRequest, conversation: Conversation): string {
  const { question, results } = conversation;
  if (results.length > 0) return results.map(reportResult).join('\n');
  const isMath = mathProgram(withoutFiles(question)) !== undefined;
  if (isMath && !request.tools.some(({ name }) => name === CODE_INTERPRETER)) {
    return 'I calculate with the code_interpreter tool, which is not switched on here. Add {"type": "code_interpreter"} to the tools and ask again.';
  }
  return smalltalk(conversation, request.tools.length > 0);
}

function asJson(
  format: ChatRequest['responseFormat'],
  conversation: Conversation,
  hints: Hints,
  said: string,
): string {
  if (format.type !== 'json_schema')
    return JSON.stringify({ answer: said.replace(/\n+/g, ' ') }, null, 2);
  const results = conversation.results.map(({ output }) => output).join('\n');
  const found = results === '' ? hints : withResults(hints, results);
  return JSON.stringify(makeValue(format.schema, { ...found, answer: said.replace(/\n+/g, ' ') }));
}

/** What tools returned comes before what the question said. */
function withResults(hints: Hints, output: string): Hints {
  const value = readResults(output).join(' ') || output;
  const last = value.match(/-?\d+(?:\.\d+)?(?=\D*$)/)?.[0];
  return last === undefined ? hints : { ...hints, numbers: [Number(last), ...hints.numbers] };
}
