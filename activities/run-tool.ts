/** One built-in tool call. A repeated attempt finds the stored result instead of running the code again. */
import type { ToolOutcome } from '../db/tool-calls.ts';
import { readToolCall, storeToolResult } from '../db/tool-calls.ts';
import { attempt } from './attempt.ts';
import type { ActivityDependencies } from './index.ts';

export async function runTool(
  deps: ActivityDependencies,
  runId: string,
  callId: string,
): Promise<ToolOutcome> {
  return attempt(deps.control, runId, async (signal) => {
    const found = await readToolCall(deps.pool, runId, callId);
    if (found.kind === 'settled') return found.outcome;
    const { logs } = await deps.sandbox.runCell(found.call.threadId, found.call.input, { signal });
    const text = logs.replaceAll('\u0000', '').toWellFormed();
    return storeToolResult(deps.pool, runId, callId, {
      outputs: text === '' ? [] : [{ type: 'logs', logs: text }],
    });
  });
}
