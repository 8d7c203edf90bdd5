/** A tool call that the server carries out itself. A repeated attempt finds the stored result. */
import type { RunId, ToolCallId } from '../wire/ids.ts';
import type { RunToolResult } from '../db/runs/tool-calls.ts';
import { readToolCall } from '../db/runs/tool-calls.ts';
import { attempt } from './attempt.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { runCell } from './run-cell.ts';
import { searchFiles } from './search-files.ts';

export async function runTool(
  deps: ActivityDependencies,
  runId: RunId,
  callId: ToolCallId,
): Promise<RunToolResult> {
  return attempt(deps, runId, async ({ signal, owner }) => {
    const found = await readToolCall(deps.pool, runId, callId);
    if (found.kind === 'done') return found.result;
    return found.call.type === 'file_search'
      ? searchFiles(deps, runId, found.call, signal)
      : runCell(deps, { runId, call: found.call, owner }, signal);
  });
}
