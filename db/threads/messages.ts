/** Messages of a thread: `seq` orders them. */
import { threadBusyForMessage } from '../../wire/errors/errors.ts';
import type { MessageId, ProjectId, RunId, ThreadId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import { toMessage } from '../../wire/objects.ts';
import { attachedFor } from '../../wire/requests/file-ids.ts';
import type { MessageRow } from '../../wire/rows.ts';
import type {
  ListEnvelope,
  Message,
  MessageAttachment,
  MessageContent,
  Metadata,
  TruncationStrategy,
} from '../../wire/types.ts';
import { toJson } from '../core/json.ts';
import type { Delivery } from '../core/deliveries.ts';
import { found, readById } from '../core/read-by-id.ts';
import { forgetAnswers } from '../core/idempotency.ts';
import type { ListQuery } from '../core/list-page.ts';
import { listPage } from '../core/list-page.ts';
import { keepPlaces } from '../core/list-places.ts';
import type { Queryable, Tx } from '../core/pool.ts';
import { query } from '../core/pool.ts';
import { eraseLater, eraseMessage } from '../events/erase-events.ts';
import { addAttachments } from './thread-stores.ts';
import { lockThread } from './lock-thread.ts';

export type NewMessage = {
  role: 'user' | 'assistant';
  content: MessageContent[];
  attachments: MessageAttachment[];
  metadata: Metadata;
  /** Tokens of the content, as far as they count towards a model's context. */
  tokens: number;
};

export const MESSAGE_COLUMNS = `id, thread_id, seq, created_at, role, status, incomplete_reason, completed_at, incomplete_at, content,
  attachments, metadata, assistant_id, run_id`;

/** @throws ApiError 404; 400 while a run is active */
export async function createMessage(
  tx: Tx,
  projectId: ProjectId,
  threadId: ThreadId,
  message: NewMessage,
): Promise<{ message: Message; deliveries: Delivery[] }> {
  const thread = await lockThread(tx, projectId, threadId);
  if (thread.active_run_id !== null) throw threadBusyForMessage(threadId, thread.active_run_id);
  const rows = await insertMessages(tx, projectId, threadId, [message]);
  const deliveries = await addAttachments(tx, projectId, threadId, [message]);
  return { message: toMessage(rows[0]!), deliveries };
}

/**
 * Appends completed messages. Attachments for code become the thread's files, as hosted. The caller holds the thread's
 * lock, or has just created the thread.
 */
export async function insertMessages(
  tx: Tx,
  projectId: ProjectId,
  threadId: ThreadId,
  messages: NewMessage[],
): Promise<MessageRow[]> {
  const rows: MessageRow[] = [];
  for (const message of messages) rows.push(await insertMessage(tx, projectId, threadId, message));
  return rows;
}

async function insertMessage(
  tx: Tx,
  projectId: ProjectId,
  threadId: ThreadId,
  message: NewMessage,
): Promise<MessageRow> {
  const rows = await query<MessageRow>(
    tx,
    'messages.create',
    `with thread as (
       update threads set last_message_seq = last_message_seq + 1, total_tokens = total_tokens + $8,
         tool_resources = case when $9::text[] = '{}' then tool_resources else jsonb_set(
           jsonb_build_object('code_interpreter', '{}'::jsonb) || tool_resources, '{code_interpreter,file_ids}',
           (select jsonb_agg(id order by place) from (
             select id, min(place) as place from unnest(array(select jsonb_array_elements_text(
               tool_resources #> '{code_interpreter,file_ids}')) || $9::text[]) with ordinality as f(id, place)
             group by id) files)) end
       where id = $2 returning last_message_seq, total_tokens)
     insert into messages (id, thread_id, project_id, seq, created_at, role, status, completed_at, content, attachments,
       metadata, tokens, tokens_before)
     select $1, $2, $3, last_message_seq, moment, $4, 'completed', moment, $5::jsonb, $6::jsonb, $7::jsonb,
       $8::integer, total_tokens - $8 from thread, unix_now() as moment
     returning ${MESSAGE_COLUMNS}`,
    [
      mintId('message'),
      threadId,
      projectId,
      message.role,
      toJson(message.content),
      toJson(message.attachments),
      toJson(message.metadata),
      message.tokens,
      attachedFor('code_interpreter', message.attachments),
    ],
  );
  return rows[0]!;
}

/** Where a message is. */
export type MessagePath = { projectId: ProjectId; threadId: ThreadId; messageId: MessageId };

/** @throws ApiError 404 */
export async function getMessage(
  db: Queryable,
  { projectId, threadId, messageId: id }: MessagePath,
): Promise<Message> {
  const ids = { id, thread_id: threadId, project_id: projectId };
  const select = `select ${MESSAGE_COLUMNS} from messages`;
  return toMessage(await readById(db, 'message', select, ids));
}

/** `runId` narrows the list to one run's messages. */
export async function listMessages(
  db: Queryable,
  projectId: ProjectId,
  threadId: ThreadId,
  page: ListQuery & { run_id?: RunId | undefined },
): Promise<ListEnvelope<Message>> {
  const ofRun = page.run_id !== undefined;
  const source = {
    name: ofRun ? 'messages.list-run' : 'messages.list',
    columns: MESSAGE_COLUMNS,
    table: 'messages',
    scope: { thread_id: threadId, project_id: projectId },
    ...(ofRun && { filter: { where: 'run_id = $3', values: [page.run_id] } }),
    orderBy: 'seq',
    places: { list: 'messages', owner: '$1' },
  } as const;
  return listPage(db, source, page, toMessage);
}

/** Replaces the whole metadata map. @throws ApiError 404 */
export async function modifyMessage(
  db: Queryable,
  { projectId, threadId, messageId: id }: MessagePath,
  metadata: Metadata | undefined,
): Promise<Message> {
  const rows = await query<MessageRow>(
    db,
    'messages.modify',
    `update messages set metadata = coalesce($4::jsonb, metadata)
     where id = $1 and thread_id = $2 and project_id = $3 returning ${MESSAGE_COLUMNS}`,
    [id, threadId, projectId, metadata === undefined ? null : toJson(metadata)],
  );
  return toMessage(found(rows[0], 'message', id));
}

/** @throws ApiError 404 */
export async function deleteMessage(
  tx: Tx,
  { projectId, threadId, messageId: id }: MessagePath,
): Promise<void> {
  const rows = await query<{ run_id: RunId | null }>(
    tx,
    'messages.delete',
    `with gone as (delete from messages where id = $1 and thread_id = $2 and project_id = $3 returning id, thread_id, seq, run_id),
       places as (${keepPlaces('messages', 'thread_id', 'seq')})
     select run_id from gone`,
    [id, threadId, projectId],
  );
  const { run_id: runId } = found(rows[0], 'message', id);
  await forgetAnswers(tx, id);
  if (runId === null) return;
  await eraseLater(tx, [runId], id);
  await eraseMessage(tx, runId, id);
}

/** The first and the last `seq` of a run's context window. Empty: the first is behind the last. */
export type Window = { startSeq: number; endSeq: number };

/** Messages that the model reads: all but the fragments of failed answers. A stopped answer is read as its client saw it. */
const SHOWN = `(status = 'completed' or incomplete_reason in ('max_tokens', 'run_cancelled'))`;

/** How many of the newest messages are read first. When all of them fit, more are read. */
const LOOKED_AT = 64;
const MORE = 8;

/**
 * Chooses the newest messages up to `endSeq` that fit in `budget` tokens, and for `last_messages` at most that number of
 * them. The newest is always chosen. Reads about as many rows as it chooses, whatever the thread's length.
 */
export async function chooseWindow(
  db: Queryable,
  { threadId, endSeq }: { threadId: ThreadId; endSeq: number },
  budget: number,
  truncation: TruncationStrategy,
): Promise<Window> {
  const count = truncation.type === 'last_messages' ? (truncation.last_messages ?? 1) : null;
  for (let limit = LOOKED_AT; ; limit *= MORE) {
    const rows = await query<{ start: number | null; chosen: number }>(
      db,
      'messages.window',
      `select min(seq) as start, count(*)::integer as chosen from (
         select seq, sum(tokens) over newest_first as total, row_number() over newest_first as number
         from (select seq, tokens from messages
           where thread_id = $1 and seq <= $2 and ${SHOWN} order by seq desc limit $5) newest
         window newest_first as (order by seq desc)) sized
       where (total <= $3::bigint or number = 1) and ($4::integer is null or number <= $4::integer)`,
      [threadId, endSeq, Math.max(0, Math.floor(budget)), count, limit],
    );
    const { start, chosen } = rows[0]!;
    if (chosen < limit) return { startSeq: start ?? endSeq + 1, endSeq };
  }
}

/** The part of a message that the model reads. */
export type ContextMessage = Pick<MessageRow, 'seq' | 'role' | 'content' | 'attachments'> & {
  tokens: number;
};

/** The window's messages in order, and the thread's first message in front of them when it lies outside. */
export async function readWindow(
  db: Queryable,
  threadId: ThreadId,
  window: Window,
): Promise<ContextMessage[]> {
  return query<ContextMessage>(
    db,
    'messages.read-window',
    `(select seq, role, content, attachments, tokens from messages
      where thread_id = $1 and seq < $2 and ${SHOWN} order by seq limit 1)
     union all
     (select seq, role, content, attachments, tokens from messages
      where thread_id = $1 and seq between $2 and $3 and ${SHOWN} order by seq)`,
    [threadId, window.startSeq, window.endSeq],
  );
}

/** The newest user message before `beforeSeq`: what a run answers, when a window of newer ones leaves it out. */
export async function readNewestUserMessage(
  db: Queryable,
  threadId: ThreadId,
  beforeSeq: number,
): Promise<ContextMessage | undefined> {
  const rows = await query<ContextMessage>(
    db,
    'messages.newest-of-user',
    `select seq, role, content, attachments, tokens from messages
     where thread_id = $1 and seq < $2 and role = 'user' and ${SHOWN} order by seq desc limit 1`,
    [threadId, beforeSeq],
  );
  return rows[0];
}

/** The text of a run's own finished messages, by message id. */
export async function readMessageTexts(db: Queryable, runId: RunId): Promise<Map<string, string>> {
  const rows = await query<{ id: MessageId; content: MessageContent[] }>(
    db,
    'messages.texts-of-run',
    `select id, content from messages where run_id = $1 and status = 'completed' order by seq`,
    [runId],
  );
  return new Map(
    rows.map((row) => [
      row.id,
      row.content.map((part) => (part.type === 'text' ? part.text.value : '')).join(''),
    ]),
  );
}
