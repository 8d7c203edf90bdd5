/** The text of file_search results is stored with them, and shown only to clients that ask for it with `include[]`. */
import type { RunStep } from './types.ts';

type Details = { tool_calls?: { file_search?: { results?: object[] } }[] };

/** Of a step, or of one's delta. */
export function withoutSearchContent<T extends RunStep | object>(data: T): T {
  const hide = (details: Details): Details => ({
    ...details,
    ...(details.tool_calls === undefined ? {} : { tool_calls: details.tool_calls.map(hideCall) }),
  });
  const { step_details, delta } = data as {
    step_details?: Details;
    delta?: { step_details?: Details };
  };
  if (step_details !== undefined) return { ...data, step_details: hide(step_details) };
  if (delta?.step_details === undefined) return data;
  return { ...data, delta: { ...delta, step_details: hide(delta.step_details) } };
}

function hideCall(call: NonNullable<Details['tool_calls']>[number]) {
  if (call.file_search?.results === undefined) return call;
  const results = call.file_search.results.map((result) => {
    const { content: _, ...shown } = result as { content?: unknown };
    return shown;
  });
  return { ...call, file_search: { ...call.file_search, results } };
}

/** The same for an event as it is stored. */
export function withoutSearchContentText(event: string, data: string): string {
  const mayHave = event.startsWith('thread.run.step.') && data.includes('"file_search"');
  return mayHave ? JSON.stringify(withoutSearchContent(JSON.parse(data) as object)) : data;
}
