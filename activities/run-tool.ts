/** A tool call that the server carries out itself. A repeated attempt finds the stored result. */
import type { RunId, ToolCallId } from '../wire/ids.ts';
import type { RunToolResult } from '../db/turns/tool-calls.ts';
import { readToolCall } from '../db/turns/tool-calls.ts';
import { attempt } from './attempt.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { runCell } from './run-cell.ts';
import { searchFiles } from './search-files.ts';
import type { Crowded } from './slot-shares.ts';

export async function runTool(
  deps: ActivityDependencies,
  { runId, callId, mayMove }: { runId: RunId; callId: ToolCallId; mayMove: boolean },
): Promise<RunToolResult | Crowded> {
  return attempt(deps, runId, ({ signal, owner }) =>
    deps.slots.hold(mayMove, async () => {
      const found = await readToolCall(deps.pool, runId, callId);
      if (found.kind === 'done') return found.result;
      return found.call.type === 'file_search'
        ? searchFiles(deps, runId, found.call, signal)
        : runCell(deps, { runId, call: found.call, owner }, signal);
    }),
  );
}
