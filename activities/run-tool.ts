/** One built-in tool call. A repeated attempt finds the stored result instead of running the code again. */
import type { ToolOutcome } from '../db/tool-calls.ts';
import { readToolCall, storeToolResult } from '../db/tool-calls.ts';
import { attempt } from './attempt.ts';
import type { ActivityDependencies } from './index.ts';

// Nothing is stored: a session is what its kernel holds.
const LIVE = 'live';

export async function runTool(
  deps: ActivityDependencies,
  runId: string,
  callId: string,
): Promise<ToolOutcome> {
  return attempt(deps.control, runId, async (signal) => {
    const found = await readToolCall(deps.pool, runId, callId);
    if (found.kind === 'settled') return found.outcome;
    const { outputs } = await deps.sandbox.runCell({
      sessionId: found.call.threadId,
      code: found.call.input,
      signal,
      version: LIVE,
      nextVersion: LIVE,
      load: () => Promise.resolve({ files: [], namespace: undefined, unsaved: [] }),
      inputs: [],
      save: () => Promise.resolve(),
    });
    const logs = outputs.map((output) => (output.type === 'logs' ? output.logs : '')).join('');
    const text = logs.replaceAll('\u0000', '').toWellFormed();
    return storeToolResult(deps.pool, runId, callId, {
      outputs: text === '' ? [] : [{ type: 'logs', logs: text }],
    });
  });
}
