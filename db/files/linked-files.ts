/** Files that a message's text links as `sandbox:/mnt/data/NAME`: they become files that a client can download. */
import { nameFiles } from '../../wire/code-file-names.ts';
import { annotationsDelta } from '../../wire/events.ts';
import { findFileLinks, mentionsFiles } from '../../wire/file-links.ts';
import type { FileId, MessageId } from '../../wire/ids.ts';
import type { RunRow } from '../../wire/rows.ts';
import type { Annotation, MessageContent, RunEvent } from '../../wire/types.ts';
import { createFileOfBlob } from './files.ts';
import { findFiles } from './find-files.ts';
import type { Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';

type LinkedContent = { content: MessageContent[]; events: RunEvent[] };

/**
 * Annotates a finished message: every link to a file of the thread's Python names a file of its content, made once as
 * long as the content stays the same. The events bring the annotations to whoever follows the deltas.
 */
export async function linkFiles(
  tx: Tx,
  run: RunRow,
  messageId: MessageId,
  content: MessageContent[],
): Promise<LinkedContent> {
  const texts = content.flatMap((part) => (part.type === 'text' ? [part.text.value] : []));
  if (!texts.some(mentionsFiles)) return { content, events: [] };
  const known = await filesByPath(tx, run);
  const linked: LinkedContent = { content: [], events: [] };
  for (const [index, part] of content.entries()) {
    const annotations =
      part.type === 'text' ? await annotationsOf(tx, run, part.text.value, known) : [];
    if (part.type !== 'text' || annotations.length === 0) {
      linked.content.push(part);
      continue;
    }
    const { value, annotations: cited } = part.text;
    linked.content.push({ type: 'text', text: { value, annotations: [...cited, ...annotations] } });
    linked.events.push(annotationsDelta(messageId, index, annotations, cited.length));
  }
  return linked;
}

type KnownFile = {
  path: string;
  bytes: number;
  blob_id: number;
  file_id: FileId | null;
  uploaded?: boolean;
};

/** What code has left below /mnt/data, and the uploads it was given as far as it has not changed them. */
async function filesByPath(tx: Tx, run: RunRow): Promise<Map<string, KnownFile>> {
  const uploads = (await findFiles(tx, run.project_id, run.code_file_ids)).flatMap(
    ({ id, content }) => (content === null ? [] : [{ id, ...content }]),
  );
  const names = nameFiles(uploads);
  const uploaded = uploads.flatMap(({ id, bytes, blobId }): [string, KnownFile][] => {
    const path = names.get(id)!;
    const file = { path, bytes, blob_id: blobId, file_id: null, uploaded: true };
    return [
      [id, file],
      [path, file],
    ];
  });
  const rows = await query<KnownFile>(
    tx,
    'linked-files.known',
    `select path, bytes, blob_id, file_id from interpreter_files where thread_id = $1`,
    [run.thread_id],
  );
  return new Map([...uploaded, ...rows.map((row): [string, KnownFile] => [row.path, row])]);
}

async function annotationsOf(
  tx: Tx,
  run: RunRow,
  text: string,
  known: Map<string, KnownFile>,
): Promise<Annotation[]> {
  const annotations: Annotation[] = [];
  for (const link of findFileLinks(text, (path) => known.has(path))) {
    const file = known.get(link.path)!;
    file.file_id ??= await makeFile(tx, run, file);
    annotations.push({
      type: 'file_path',
      text: link.text,
      start_index: link.start,
      end_index: link.end,
      file_path: { file_id: file.file_id },
    });
  }
  return annotations;
}

/** An upload may not be for downloading: its content is, once it is linked. */
async function makeFile(tx: Tx, run: RunRow, file: KnownFile): Promise<FileId> {
  const existing = file.uploaded === true ? await outputOfBlob(tx, run, file.blob_id) : undefined;
  if (existing !== undefined) return existing;
  const { id } = await createFileOfBlob(tx, run.project_id, {
    filename: file.path.slice(file.path.lastIndexOf('/') + 1),
    purpose: 'assistants_output',
    blobId: file.blob_id,
    bytes: file.bytes,
  });
  if (file.uploaded === true) return id;
  await query(
    tx,
    'linked-files.made',
    'update interpreter_files set file_id = $3 where thread_id = $1 and path = $2',
    [run.thread_id, file.path, id],
  );
  return id;
}

async function outputOfBlob(tx: Tx, run: RunRow, blobId: number): Promise<FileId | undefined> {
  const rows = await query<{ id: FileId }>(
    tx,
    'linked-files.of-blob',
    `select id from files where blob_id = $1 and project_id = $2 and purpose = 'assistants_output'
       and expires_at is null order by id limit 1`,
    [blobId, run.project_id],
  );
  return rows[0]?.id;
}
