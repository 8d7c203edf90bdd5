/** The images that messages refer to by file id, for models that see. */
import type { ProjectId } from '../../wire/ids.ts';
import { findFiles } from '../../db/files/find-files.ts';
import { readWholeBlob } from '../../db/interpreters/interpreters.ts';
import type { ContextMessage } from '../../db/threads/messages.ts';
import type { Pool } from '../../db/core/pool.ts';

/** Largest image that is sent, and what all of one request may take: they travel as base64 in its body. */
const MAX_IMAGE_BYTES = 10 * 1024 * 1024;
const MAX_TOTAL_BYTES = 30 * 1024 * 1024;

/**
 * Data URLs by file id, the newest images first. What is missing, too large or no image is left out. `vision` false: null,
 * the model sees nothing. Absent: what users sent. A server whose model cannot see refuses the whole request, and users
 * who send images know that it can; true: those of answers too.
 */
export async function readImages(
  pool: Pool,
  projectId: ProjectId,
  window: Pick<ContextMessage, 'role' | 'content'>[],
  vision: boolean | undefined,
): Promise<Map<string, string> | null> {
  if (vision === false) return null;
  const ids = window
    .filter(({ role }) => role === 'user' || vision === true)
    .flatMap(({ content }) =>
      content.flatMap((part) => (part.type === 'image_file' ? [part.image_file.file_id] : [])),
    );
  const files = await findFiles(pool, projectId, [...new Set(ids.toReversed())]);
  const images = new Map<string, string>();
  let left = MAX_TOTAL_BYTES;
  for (const { id, content } of files) {
    if (content === null || content.bytes > Math.min(left, MAX_IMAGE_BYTES)) continue;
    const data = await readWholeBlob(pool, content.blobId);
    const type = imageType(data);
    if (type === undefined) continue;
    left -= data.length;
    images.set(id, `data:${type};base64,${data.toString('base64')}`);
  }
  return images;
}

/** By the content's first bytes: a file's name says nothing. */
function imageType(data: Buffer): string | undefined {
  const start = data.subarray(0, 12).toString('latin1');
  if (start.startsWith('\u0089PNG\r\n\u001a\n')) return 'image/png';
  if (start.startsWith('\u00ff\u00d8\u00ff')) return 'image/jpeg';
  if (/^GIF8[79]a/.test(start)) return 'image/gif';
  return /^RIFF[^]{4}WEBP/.test(start) ? 'image/webp' : undefined;
}
