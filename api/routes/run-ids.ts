/** The ids in the path of a run. */
import { checkId } from '../../wire/ids.ts';

/** @throws ApiError 400 for ids without the right prefix */
export function runIds(params: object): { threadId: string; runId: string } {
  const { thread_id, run_id } = params as { thread_id: string; run_id: string };
  return { threadId: checkId('thread_id', thread_id), runId: checkId('run_id', run_id) };
}
