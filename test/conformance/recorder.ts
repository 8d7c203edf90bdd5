/** A `fetch` that compares every answer, and every event of a stream, with the published description. */
import { readEvents } from '../support/stream-events.ts';
import type { Operation } from './description.ts';
import { operationOf } from './description.ts';
import type { Difference } from './differences.ts';
import { differences, schemaNameOf } from './differences.ts';
import { EVENT_SCHEMAS } from './stream-events.ts';

export type Recorder = {
  fetch: typeof fetch;
  /** Ids of the operations that were answered with success. */
  answered: ReadonlySet<string>;
  /** Names of the events that streams carried. */
  events: ReadonlySet<string>;
  /** Every `type` that was sent, and for every object with a status both: `thread.run queued`. */
  shown: ReadonlySet<string>;
  /** By what they are; with the request and the value that showed it first. */
  found: ReadonlyMap<string, Difference & { example: string }>;
  /** Resolves once everything that was received is compared. */
  settled(): Promise<void>;
};

export const keyOf = ({ at, published, sent }: Difference): string =>
  `${at}: ${published} → ${sent}`;

type State = {
  answered: Set<string>;
  events: Set<string>;
  shown: Set<string>;
  found: Map<string, Difference & { example: string }>;
};

export function createRecorder(): Recorder {
  const state: State = {
    answered: new Set(),
    events: new Set(),
    shown: new Set(),
    found: new Map(),
  };
  const pending: Promise<void>[] = [];
  const recording: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const response = await fetch(input, init);
    const { pathname } = new URL(request.url);
    const operation = operationOf(request.method, pathname);
    if (isStream(response)) {
      pending.push(compareStream(state, pathname, response.clone()).catch(unlessAborted));
    } else if (operation !== undefined) pending.push(compare(state, operation, response.clone()));
    if (operation !== undefined && response.ok) state.answered.add(operation.id);
    return response;
  };
  const settled = async () => void (await Promise.all(pending));
  return { fetch: recording, ...state, settled };
}

const typeOf = ({ headers }: Response) => headers.get('content-type')?.split(';')[0] ?? 'nothing';
const isStream = (response: Response) => typeOf(response) === 'text/event-stream';

/** Whoever left a stream has seen enough of it. */
function unlessAborted(error: unknown): void {
  if ((error as Error).name !== 'AbortError') throw error;
}

async function compare(state: State, operation: Operation, response: Response): Promise<void> {
  const type = typeOf(response);
  const { contentType, schema } = operation.answer;
  if (type !== 'application/json') {
    note(state, operation.id, [{ at: operation.id, published: contentType, sent: type }], type);
    return void (await response.arrayBuffer());
  }
  const body: unknown = await response.json();
  const name = response.ok ? schemaNameOf(schema) : 'ErrorResponse';
  if (name === undefined) throw new Error(`The answer of ${operation.id} has no named schema.`);
  remember(state, body);
  note(state, operation.id, differences(name, body), body);
}

async function compareStream(state: State, path: string, response: Response): Promise<void> {
  for await (const { event, data } of readEvents(response)) {
    state.events.add(event);
    remember(state, data);
    const where = `${path}, ${event}`;
    const schema = (EVENT_SCHEMAS as Record<string, string>)[event];
    if (schema !== undefined) note(state, where, differences(schema, data), data);
    else if (event !== 'done' || data !== '[DONE]') {
      note(state, where, [{ at: 'a stream', published: 'a known event', sent: event }], data);
    }
  }
}

function remember(state: State, value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  const { object, status, type } = value as Record<string, unknown>;
  if (typeof status === 'string') state.shown.add(`${String(object)} ${status}`);
  if (typeof type === 'string') state.shown.add(type);
  for (const part of Object.values(value)) remember(state, part);
}

function note(state: State, where: string, list: Difference[], value: unknown): void {
  for (const difference of list) {
    const key = keyOf(difference);
    if (state.found.has(key)) continue;
    state.found.set(key, { ...difference, example: `${where}: ${JSON.stringify(value)}` });
  }
}
