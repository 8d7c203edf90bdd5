/** The files that a request names. */
import type { CreateMessageParams } from './threads.ts';
import type { NewToolResources } from './tools.ts';
import type { MessageAttachment, ToolResources } from '../types.ts';

export function filesOfResources(
  resources: NewToolResources | ToolResources | undefined,
): string[] {
  return resources?.code_interpreter?.file_ids ?? [];
}

export function filesOfMessages(
  messages: readonly Pick<CreateMessageParams, 'attachments' | 'content'>[],
): string[] {
  return messages.flatMap(({ attachments, content }) => [
    ...attachments.map(({ file_id }) => file_id),
    ...content.flatMap((part) => (part.type === 'image_file' ? [part.image_file.file_id] : [])),
  ]);
}

/** The files that messages attach for one tool. */
export function attachedFor(
  tool: 'code_interpreter' | 'file_search',
  attachments: readonly MessageAttachment[],
): string[] {
  return attachments
    .filter(({ tools }) => tools.some(({ type }) => type === tool))
    .map(({ file_id }) => file_id);
}
