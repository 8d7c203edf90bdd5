import type { MessagePath } from '../../../db/threads/messages.ts';
import type { Call } from '../../operation.ts';

type OfMessage = Call<'/threads/{thread_id}/messages/{message_id}', unknown, unknown>;

/** The message that a request names. */
export function messagePath({ project, ids }: Pick<OfMessage, 'project' | 'ids'>): MessagePath {
  return { projectId: project, threadId: ids.thread_id, messageId: ids.message_id };
}
