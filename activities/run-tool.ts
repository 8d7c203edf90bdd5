/** A tool call that the server carries out itself. A repeated attempt finds the stored result. */
import type { RunId, ToolCallId } from '../wire/ids.ts';
import type { PendingToolCall, RunToolResult } from '../db/turns/tool-calls.ts';
import { readToolCall } from '../db/turns/tool-calls.ts';
import { inSpan } from '../telemetry/trace.ts';
import { attempt } from './attempt.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { runCell } from './run-cell.ts';
import { searchFiles } from './search-files.ts';
import type { Crowded, Place } from './slot-shares.ts';
import { inPlace } from './slot-shares.ts';

export async function runTool(
  deps: ActivityDependencies,
  { runId, callId, ...place }: { runId: RunId; callId: ToolCallId } & Place,
): Promise<RunToolResult | Crowded> {
  return attempt(deps, runId, ({ signal, owner }) =>
    inPlace(deps, place, signal, async () => {
      const found = await readToolCall(deps.pool, runId, callId);
      if (found.kind === 'done') return found.result;
      const { call } = found;
      return inSpan(spanOf(call), () =>
        call.type === 'file_search'
          ? searchFiles(deps, runId, call, signal)
          : runCell(deps, { runId, call, owner }, signal),
      );
    }),
  );
}

const spanOf = ({ id, type }: PendingToolCall) => ({
  name: `execute_tool ${type}`,
  attributes: {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': type,
    'gen_ai.tool.call.id': id,
  },
});
