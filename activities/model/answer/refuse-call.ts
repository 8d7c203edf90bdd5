/** Calls that are not run: the model reads the reason in place of a result. Pure. */
import type { ToolCallRow } from '../../../wire/rows.ts';
import { readQueries } from '../request/build-tools.ts';

/** Null: the call can be run. `offered`: the names that the model may call; `written`: the arguments as the model wrote them. */
export function refusalOf(
  call: Pick<ToolCallRow, 'type' | 'name' | 'input'>,
  offered: ReadonlySet<string>,
  written: string,
): string | null {
  if (!offered.has(call.name)) {
    const names = [...offered].join(', ');
    const tools = names === '' ? 'There are no tools' : `The tools are: ${names}`;
    return `There is no tool named '${call.name.slice(0, 64)}'. ${tools}.`;
  }
  if (call.type === 'code_interpreter' && call.input.trim() === '') {
    return notUnderstood(call.name, '{"code": "…"}', 'the Python code to run', written);
  }
  if (call.type === 'file_search' && readQueries(call.input).length === 0) {
    return notUnderstood(call.name, '{"queries": ["…"]}', 'what to look for', written);
  }
  return null;
}

function notUnderstood(name: string, example: string, what: string, written: string): string {
  return `The call was not understood: ${name} expects ${example}, with ${what}, but was given ${written.slice(0, 200) || 'nothing'}.`;
}
