/** Server-sent events as they arrived, and the shapes that the checks read from them. */

/** `id` is the SSE id; undefined for `done` and for most events of a replay. `data` is the parsed JSON, or `[DONE]`. */
export type StreamEvent = { id: number | undefined; event: string; data: unknown };

/** Reads a response's frames as they come. Comments are skipped, but none may end a frame; `done` is yielded like any other event. */
export async function* readEvents(response: Response): AsyncGenerator<StreamEvent> {
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  let rest = '';
  const decoder = new TextDecoder();
  for await (const bytes of response.body!) {
    const frames = (rest + decoder.decode(bytes as Uint8Array, { stream: true })).split('\n\n');
    rest = frames.pop()!;
    for (const frame of frames) {
      yield parseFrame(frame);
    }
  }
  if (!/^(:[^\n]*\n)*$/.test(rest)) {
    throw new Error(`The stream ended inside a frame: ${JSON.stringify(rest)}`);
  }
}

function parseFrame(frame: string): StreamEvent {
  const fields = new Map<string, string>();
  for (const line of frame.split('\n')) {
    if (line.startsWith(':')) continue;
    const [, name, value] = /^(\w+): ([^]*)$/.exec(line) ?? [];
    if (name === undefined || fields.has(name)) {
      throw new Error(`Not a legal frame: ${JSON.stringify(frame)}`);
    }
    fields.set(name, value!);
  }
  const [id, event, data] = [fields.get('id'), fields.get('event'), fields.get('data')];
  if (event === undefined || data === undefined) {
    throw new Error(`A frame without event or data: ${JSON.stringify(frame)}`);
  }
  const parsed: unknown = event === 'done' ? data : JSON.parse(data);
  return { id: id === undefined ? undefined : Number(id), event, data: parsed };
}

/** All events of a response that ends with `done`, without it. */
export async function readToDone(response: Response): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  for await (const event of readEvents(response)) events.push(event);
  const last = events.pop();
  if (last?.event !== 'done' || last.data !== '[DONE]') {
    throw new Error(`The stream ended without done, after ${last?.event ?? 'nothing'}.`);
  }
  return events;
}

/** The events' names; a series of deltas counts once. */
export function outline(events: { event: string }[]): string[] {
  return events
    .map(({ event }) => event)
    .filter((name, index, all) => !(name.endsWith('.delta') && name === all[index - 1]));
}

export const TERMINAL_RUN_EVENTS: ReadonlySet<string> = new Set(
  ['completed', 'incomplete', 'failed', 'cancelled', 'expired'].map((name) => `thread.run.${name}`),
);
