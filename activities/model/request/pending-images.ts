import type { RunStepRow } from '../../../wire/rows.ts';

/** File ids of the images that a run's code has made and no message of the run has shown yet, in order. Pure. */
export function pendingImages(steps: RunStepRow[]): string[] {
  const images: string[] = [];
  for (const step of steps) {
    // A message that was cut off is told again, with its images.
    if (step.status !== 'completed') continue;
    if (step.type === 'message_creation') images.length = 0;
    for (const { result } of step.tool_calls) {
      for (const output of result?.outputs ?? []) {
        if (output.type === 'image') images.push(output.image.file_id);
      }
    }
  }
  return images;
}
