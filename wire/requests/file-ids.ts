/** The files that a request names, wherever it can name one. */
import type { CreateMessageParams } from './threads.ts';
import type { NewToolResources } from './tools.ts';
import type { ToolResources } from '../types.ts';

export function filesOfResources(
  resources: NewToolResources | ToolResources | undefined,
): string[] {
  return resources?.code_interpreter?.file_ids ?? [];
}

export function filesOfMessages(
  messages: readonly Pick<CreateMessageParams, 'attachments' | 'content'>[],
): string[] {
  return messages.flatMap(({ attachments, content }) => [
    ...attachments.flatMap(({ file_id }) => file_id ?? []),
    ...content.flatMap((part) => (part.type === 'image_file' ? [part.image_file.file_id] : [])),
  ]);
}
