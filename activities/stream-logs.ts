/**
 * Shows what a cell prints while it runs. A cell that runs again prints again: if that continues what readers have seen,
 * nothing is shown twice; otherwise the logs say that the cell ran again.
 */
import { log } from '@temporalio/activity';
import type { Lease } from '../db/interpreters/interpreter-lease.ts';
import { appendLogs } from '../db/interpreters/streamed-logs.ts';
import type { Pool } from '../db/core/pool.ts';
import type { CellResult } from '../sandbox/index.ts';
import type { RunId, ToolCallId } from '../wire/ids.ts';
import { storable } from '../wire/text.ts';

/** A shorter cell has one delta, with its result. */
const EVERY_MS = 1_000;
const RAN_AGAIN = '\n[The cell was interrupted and ran again.]\n';

export type LogStream = {
  add(logs: string): void;
  /** Shows nothing more. */
  stop(): Promise<void>;
  /** The result's outputs, which begin with what was shown. */
  continued(outputs: CellResult['outputs']): CellResult['outputs'];
};

/** `lease.streamed`: what readers have seen of earlier attempts. */
export function streamLogs(
  pool: Pool,
  lease: Lease & { streamed: string },
  call: { runId: RunId; callId: ToolCallId },
): LogStream {
  let text = '';
  let shown = lease.streamed;
  let writing: Promise<void> | undefined;
  const write = async () => {
    const next = shownSoFar(lease.streamed, text);
    if (next.length === shown.length) return;
    await appendLogs(pool, lease, call, next.slice(shown.length));
    shown = next;
  };
  const timer = setInterval(() => {
    writing ??= write()
      .catch((error: unknown) => {
        // It may have been stored all the same. The result shows what is missing.
        clearInterval(timer);
        log.debug('logs are not streamed any more', { error });
      })
      .finally(() => (writing = undefined));
  }, EVERY_MS);
  return {
    add(logs) {
      text += storable(logs);
    },
    async stop() {
      clearInterval(timer);
      await writing;
    },
    continued: (outputs) => continueOutputs(lease.streamed, outputs),
  };
}

/** What readers have seen once `text` was printed after `seen` had been shown by an earlier attempt. */
export function shownSoFar(seen: string, text: string): string {
  if (seen.startsWith(text)) return seen;
  return text.startsWith(seen) ? text : seen + RAN_AGAIN + text;
}

/** The outputs, beginning with `seen`. */
export function continueOutputs(
  seen: string,
  outputs: CellResult['outputs'],
): CellResult['outputs'] {
  const [first, ...others] = outputs;
  const logs = first?.type === 'logs' ? storable(first.logs) : '';
  if (logs.startsWith(seen)) return outputs;
  const after = first?.type === 'logs' ? others : outputs;
  return [{ type: 'logs', logs: seen + RAN_AGAIN + logs }, ...after];
}
