/** The rule about what readers saw. */
import { withoutSearchContentText } from '../../../wire/search-results.ts';
import type { ReadStream, SeenEvent, Tables } from '../evidence.ts';
import type { Rule } from './violation.ts';
import { groupBy, hasEnded } from './violation.ts';

/** (h) What a reader saw is stored exactly so, in that order and without a gap; nothing seen is ever taken back. */
export const seenIsStored: Rule = function* ({ tables, streams }) {
  const events = groupBy(tables.events, ({ run_id }) => run_id);
  for (const stream of streams.filter(({ runId }) => runId !== '')) {
    for (const what of wrongStream(stream, events.get(stream.runId) ?? [])) {
      yield [
        stream.runId,
        `A stream of api${stream.api} from ${new Date(stream.startedAt).toISOString()}: ${what}`,
      ];
    }
  }
};

function* wrongStream(stream: ReadStream, stored: Tables['events']): Iterable<string> {
  let before = stream.after;
  for (const seen of stream.events) {
    if (before >= 0 && seen.id !== before + 1) yield `Event ${seen.id} follows ${before}.`;
    before = seen.id;
    const kept = stored[seen.id - 1];
    if (kept?.seq !== seen.id) yield `Event ${seen.id} (${seen.event}) was seen and is not stored.`;
    else if (!isSame(seen, kept)) {
      yield `Event ${seen.id} was seen as ${seen.event} ${brief(seen.data)} and is stored as ${kept.event} ${brief(kept.data)}.`;
    }
  }
  const last = stored[Math.max(before, stream.after) - 1];
  if (stream.end === 'done' && last !== undefined && !mayEndWith(last.event)) {
    yield `It was done after ${last.event}.`;
  }
}

function isSame(seen: SeenEvent, kept: Tables['events'][number]): boolean {
  if (seen.event !== kept.event) return false;
  const data = withoutSearchContentText(kept.event, kept.data);
  return (
    seen.data === data || JSON.stringify(JSON.parse(seen.data)) === JSON.stringify(JSON.parse(data))
  );
}

function mayEndWith(event: string): boolean {
  const name = event.slice('thread.run.'.length);
  return name === 'requires_action' || hasEnded(name);
}

function brief(data: string): string {
  return data.length > 120 ? `${data.slice(0, 120)}…` : data;
}
