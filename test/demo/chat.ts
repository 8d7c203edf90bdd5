/** Talks to the demo model without a server, and runs the Python it writes as a thread does: all cells in one Python. */
import { execFileSync } from 'node:child_process';
import { answer } from '../../demo/answer.ts';
import type { Answer } from '../../demo/answer.ts';
import { CHAT_REQUEST } from '../../demo/request.ts';

export type Message = { role: string; content: string | null; [field: string]: unknown };
export const NOTICE = "I am Threadmill's built-in demo model, not an LLM.";
export const user = (content: string): Message => ({ role: 'user', content });
export const system = (content: string): Message => ({ role: 'system', content });

export function functionTool(name: string, description = '', properties: object = {}) {
  const parameters = { type: 'object', properties, required: Object.keys(properties) };
  return { type: 'function' as const, function: { name, description, parameters } };
}
export const CODE = functionTool('code_interpreter', 'Runs Python', { code: { type: 'string' } });

export function ask(messages: Message[], fields: object = { tools: [CODE] }): Answer {
  return answer(CHAT_REQUEST.parse({ model: 'any', messages, ...fields }));
}

/** '' when the answer calls something. */
export const textOf = (reply: Answer) => ('text' in reply ? reply.text : '');

export function callsOf(reply: Answer): [string, Record<string, unknown>][] {
  const calls = 'calls' in reply ? reply.calls : [];
  return calls.map((call) => [call.name, JSON.parse(call.arguments) as Record<string, unknown>]);
}

/** Goes on calling tools until there is a text. `run` gives the output of a call. */
export function converse(messages: Message[], fields: object, run: (name: string) => string) {
  const history = [...messages];
  const called: string[] = [];
  for (;;) {
    const reply = ask(history, fields);
    if ('text' in reply) return { text: reply.text, called };
    const calls = reply.calls.map((call) => ({ id: crypto.randomUUID(), function: call }));
    history.push({ role: 'assistant', content: null, tool_calls: calls });
    for (const { id, function: call } of calls) {
      called.push(call.name);
      history.push({ role: 'tool', tool_call_id: id, content: run(call.name) });
    }
  }
}

/** Runs each list of programs in a Python of its own, and gives what the last of the list printed. */
export function runPython(programs: string[][]): string[] {
  const input = JSON.stringify(programs);
  const printed = execFileSync('python3', ['-I', '-c', RUN], { encoding: 'utf8', input });
  return JSON.parse(printed) as string[];
}

const RUN = `
import contextlib, io, json, sys
outputs = []
for cells in json.load(sys.stdin):
    names, output = {}, None
    for cell in cells:
        with contextlib.redirect_stdout(output := io.StringIO()):
            exec(cell, names)
    outputs.append(output.getvalue())
print(json.dumps(outputs))
`;
