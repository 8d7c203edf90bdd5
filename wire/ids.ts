/**
 * Ids: `prefix_` + 24 base62 characters, 9 of a millisecond clock and 15 random (89 bits); `file-` + 22 (9 + 13, 77 bits).
 * The alphabet is in ASCII order, so byte order (`collate "C"`) is time order. Ids of one kind minted by one process are
 * strictly increasing, also inside a millisecond and when the clock steps back.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { illFormedId } from './errors/errors.ts';
import { noSuchFile } from './errors/file-errors.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const CLOCK_CHARS = 9;

const PREFIXES = {
  assistant: 'asst_',
  thread: 'thread_',
  message: 'msg_',
  run: 'run_',
  run_step: 'step_',
  tool_call: 'call_',
  vector_store: 'vs_',
  vector_store_file_batch: 'vsfb_',
  batch: 'batch_',
  schedule: 'sched_',
  upload: 'upload_',
  upload_part: 'part_',
  request: 'req_',
  file: 'file-',
  project: 'proj_',
  api_key: 'key_',
  audit_log: 'audit_',
  webhook_endpoint: 'whe_',
  webhook_delivery: 'whd_',
  event: 'evt_',
} as const;

/** What an id can name. `request` is for the `x-request-id` header. */
export type IdKind = keyof typeof PREFIXES;

declare const kind: unique symbol;
/** A string that names an object of this kind: an id of another kind does not compile in its place. */
export type Id<Kind extends IdKind> = string & { readonly [kind]: Kind };
export type ProjectId = Id<'project'>;
export type KeyId = Id<'api_key'>;
export type AssistantId = Id<'assistant'>;
export type ThreadId = Id<'thread'>;
export type MessageId = Id<'message'>;
export type RunId = Id<'run'>;
export type StepId = Id<'run_step'>;
export type ToolCallId = Id<'tool_call'>;
export type FileId = Id<'file'>;
export type BatchId = Id<'batch'>;
export type ScheduleId = Id<'schedule'>;
export type WebhookEndpointId = Id<'webhook_endpoint'>;
export type WebhookDeliveryId = Id<'webhook_delivery'>;
export type VectorStoreId = Id<'vector_store'>;

/** The path parameters whose ids are checked before anything is looked up. */
const PARAM_KINDS = {
  assistant_id: 'assistant',
  thread_id: 'thread',
  run_id: 'run',
  message_id: 'message',
  step_id: 'run_step',
  file_id: 'file',
  upload_id: 'upload',
  vector_store_id: 'vector_store',
  batch_id: 'vector_store_file_batch',
  project_id: 'project',
  key_id: 'api_key',
  schedule_id: 'schedule',
  webhook_endpoint_id: 'webhook_endpoint',
  delivery_id: 'webhook_delivery',
  /** `batch_id` below `/batches`: the published names are equal. */
  'batches/batch_id': 'batch',
} as const;

export type IdParam = keyof typeof PARAM_KINDS;
/** The id in a path parameter. The id of a model is any text. */
export type IdOf<Param extends string> = Param extends IdParam
  ? Id<(typeof PARAM_KINDS)[Param]>
  : string;

/** Longest id accepted from a client, in characters. Minted ids have at most 31. */
const MAX_ID_LENGTH = 64;

const LEGAL_ID = /^[A-Za-z0-9_-]{1,64}$/;

// A foreign id decodes to an arbitrary instant; ours lie between these.
const EARLIEST = Date.UTC(2020, 0, 1);
const LATEST = Date.UTC(2100, 0, 1);

const mint = createMinter(15);
const mintForFile = createMinter(13);

/** A fresh id. Never repeats within a process; across processes a repeat needs the same millisecond and 89 equal bits. */
export function mintId<Kind extends IdKind>(kind: Kind): Id<Kind> {
  return (PREFIXES[kind] + (kind === 'file' ? mintForFile() : mint())) as Id<Kind>;
}

/**
 * The instant an id was minted, in milliseconds since 1970. Undefined for anything that is not in the form minted here
 * (garbage, ids copied from the hosted service); never throws. In a clock that stepped back it may lie a little ahead.
 */
export function timeOfId(id: string): number | undefined {
  const separator = id.search(/[_-]/);
  const body = id.slice(separator + 1);
  if (separator < 1 || body.length !== (id.startsWith('file-') ? 22 : 24)) return undefined;
  if (!/^[A-Za-z0-9]+$/.test(body)) return undefined;
  let time = 0;
  for (let at = 0; at < CLOCK_CHARS; at += 1) {
    time = time * 62 + ALPHABET.indexOf(body.charAt(at));
  }
  return time >= EARLIEST && time < LATEST ? time : undefined;
}

/** Where ids of the kind begin that are minted from this second on: greater than all before it. */
export function idAt(kind: IdKind, seconds: number): string {
  return PREFIXES[kind] + encode(BigInt(Math.max(0, seconds) * 1_000), CLOCK_CHARS);
}

export function isIdOf(kind: IdKind, id: string): boolean {
  return id.startsWith(PREFIXES[kind]);
}

/** Of ids that were minted here, `created_at` differs from their time by less. */
const DAY_MS = 86_400_000;

/**
 * The place in lists of an object that another server created: among ids that were minted in that second, and behind the
 * object that was copied before it. Null: its id says when it was created.
 */
export function copiedPlace(kind: IdKind, id: string, createdAt: number): string | null {
  const minted = timeOfId(id);
  if (minted !== undefined && Math.abs(minted - createdAt * 1_000) < DAY_MS) return null;
  return idAt(kind, createdAt) + mintId(kind).slice(PREFIXES[kind].length);
}

/** Ids of this kind, as their paths take them. */
export function idPattern(kind: IdKind): RegExp {
  return new RegExp(`^(?:${prefixesOf(kind).join('|')})[A-Za-z0-9_-]*$`);
}

/** Without the separator: those of files differ. Azure's files have a prefix of their own. */
function prefixesOf(kind: IdKind): string[] {
  const prefix = PREFIXES[kind].slice(0, -1);
  return kind === 'file' || kind === 'assistant' ? [prefix, 'assistant'] : [prefix];
}

/** The UTC day an id was minted, `YYYY-MM-DD`; undefined exactly when `timeOfId` is. Names the partition of a run's events. */
export function dayOfId(id: string): string | undefined {
  const time = timeOfId(id);
  return time === undefined ? undefined : new Date(time).toISOString().slice(0, 10);
}

/**
 * Returns `value` if it can be an id of this kind: the right prefix, at most 64 characters of `A-Za-z0-9_-`.
 * Otherwise throws `illFormedId` (400). The usual culprit is a client that put the literal `undefined` into the URL.
 */
export function checkId<Param extends IdParam>(param: Param, value: string): IdOf<Param> {
  const kind = PARAM_KINDS[param];
  if (!idPattern(kind).test(value) || !LEGAL_ID.test(value)) {
    const [prefix] = prefixesOf(kind) as [string];
    throw illFormedId(param.split('/').at(-1)!, value.slice(0, MAX_ID_LENGTH), prefix);
  }
  return value as IdOf<Param>;
}

/**
 * Below /files no id is ill-formed, as recorded: whatever cannot be the id of a file names none.
 * @throws ApiError 404
 */
export function checkFileId(value: string): FileId {
  if (!LEGAL_ID.test(value)) throw noSuchFile(value);
  return value as FileId;
}

/** A source of increasing `clock + random` bodies. Inside one millisecond it adds a random step, so that ids stay unguessable. */
function createMinter(randomChars: number): () => string {
  const limit = 62n ** BigInt(randomChars);
  let time = 0;
  let random = limit;
  return () => {
    const now = Date.now();
    random += BigInt(1 + randomInt(2 ** 32));
    if (now > time || random >= limit) {
      time = Math.max(now, time + 1);
      // 128 bits: below 62 ** 15 every value is as likely as the others, to one part in 2 ** 38.
      random = BigInt(`0x${randomBytes(16).toString('hex')}`) % limit;
    }
    return encode(BigInt(time), CLOCK_CHARS) + encode(random, randomChars);
  };
}

function encode(value: bigint, characters: number): string {
  let text = '';
  for (let rest = value; text.length < characters; rest /= 62n) {
    text = ALPHABET.charAt(Number(rest % 62n)) + text;
  }
  return text;
}
