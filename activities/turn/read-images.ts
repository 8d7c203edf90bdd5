/** The images that messages refer to by file id, for models that see. */
import type { ProjectId } from '../../wire/ids.ts';
import { findFiles } from '../../db/files/find-files.ts';
import { readWholeBlob } from '../../db/interpreters/interpreters.ts';
import type { ContextMessage } from '../../db/threads/messages.ts';
import type { Pool } from '../../db/core/pool.ts';

/** The largest image that is sent, and the most that all images of one request take: its body holds them as base64. */
const MAX_IMAGE_BYTES = 10 * 1024 * 1024;
const MAX_TOTAL_BYTES = 30 * 1024 * 1024;

/**
 * Data URLs by file id, the newest images first, without files that are missing, too large or not images. `vision` false:
 * null, the model sees nothing. Absent: images of users, who know whether the model sees, since a server refuses images
 * that its model cannot read. True: images of answers too.
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
