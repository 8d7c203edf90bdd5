/** Events of a run: stored with what they tell of, in one order, and shown to every reader. */
import type { Mutation } from '../mutation.ts';
import { by, edit } from '../mutation.ts';

const BATCHER = 'test/db/event-batcher.test.ts';
const FEED = 'test/db/event-feed.test.ts';
const RESUME = 'test/api/resume.test.ts';
const WHOLE = by('test/db/whole-changes.test.ts', 'when %s');

export const EVENTS: Mutation[] = [
  {
    id: 'deltas-without-on-conflict',
    why: 'One run whose place is taken fails the streams of every other run of the worker.',
    edits: [
      edit(
        'db/events/run-events.ts',
        `       on conflict do nothing returning run_id),`,
        `       returning run_id),`,
      ),
    ],
    caughtBy: [
      by(BATCHER, 'a place that is taken stops its own run, and not the others of the flush'),
    ],
  },
  {
    id: 'deltas-without-fencing',
    why: 'A worker that stood still goes on telling an answer that another one has given up.',
    edits: [
      edit(
        'db/events/run-events.ts',
        `       join runs r on r.id = d.run_id and r.owner = d.owner\n       on conflict`,
        `       join runs r on r.id = d.run_id\n       on conflict`,
      ),
    ],
    caughtBy: [
      by(
        BATCHER,
        'a delta of an attempt that lost the run is not stored, even where there is room for it',
      ),
    ],
  },
  {
    id: 'uncertain-flush-written-again',
    why: 'A connection that breaks after a commit costs an answer, which is paid for again.',
    edits: [
      edit(
        'db/events/event-batcher.ts',
        `uncertain ? await findStoredDeltas(client, events) : new Set<string>()`,
        `uncertain ? new Set<string>() : new Set<string>()`,
      ),
    ],
    caughtBy: [
      by(BATCHER, 'what was stored as the connection broke is found, and not written again'),
    ],
  },
  {
    id: 'outage-not-waited-out-by-streams',
    why: 'A restart of PostgreSQL costs every answer that is being told.',
    edits: [
      edit(
        'db/events/event-batcher.ts',
        `if (!isUnavailable(error) || this.#closed) throw error;`,
        `throw error;`,
      ),
    ],
    caughtBy: [
      by(BATCHER, 'what was stored as the connection broke is found, and not written again'),
    ],
  },
  {
    id: 'deltas-not-durable',
    why: 'After a crash of PostgreSQL readers have seen events that do not exist.',
    edits: [
      edit(
        'db/events/event-batcher.ts',
        `      await client.connect();\n      return client;`,
        `      await client.connect();
      await client.query('set synchronous_commit = off');
      return client;`,
      ),
    ],
    caughtBy: [by(BATCHER, 'what a reader may see waits for the disk first')],
  },
  {
    id: 'feed-ignores-notifications',
    why: 'Streams move once a second.',
    edits: [
      edit(
        'db/events/event-feed.ts',
        `listener.on(EVENTS_CHANNEL, (payload) => this.#mark(payload.split(','))),`,
        `listener.on(EVENTS_CHANNEL, () => {}),`,
      ),
    ],
    caughtBy: [by(FEED, 'a notification brings what is new')],
  },
  {
    id: 'feed-stops-after-a-page',
    why: 'A reader who joins late gets five hundred events a second.',
    edits: [
      edit(
        'db/events/event-feed.ts',
        `      reader.changed ||= events.length === PAGE || length >= bytes / 3;\n`,
        ``,
      ),
    ],
    caughtBy: [by(FEED, 'a backlog of several pages is read to its end')],
  },
  {
    id: 'feed-misses-what-a-lost-connection-missed',
    why: 'After a restart of PostgreSQL streams stand still until the next poll.',
    edits: [
      edit(
        'db/events/event-feed.ts',
        `listener.onReconnect(() => this.#mark([...this.#readers.keys()])),`,
        `listener.onReconnect(() => {}),`,
      ),
    ],
    caughtBy: [by(FEED, 'a reader catches up once a lost LISTEN connection is back')],
  },
  {
    id: 'last-event-id-ignored',
    why: 'A client that comes back sees everything twice.',
    edits: [
      edit(
        'api/stream-run.ts',
        `Math.max(options.seenSeq ?? 0, lastEventId(response.req) ?? 0)`,
        `options.seenSeq ?? 0`,
      ),
    ],
    caughtBy: [by(RESUME, 'goes on after any event, asked for by header or by query')],
  },
  {
    id: 'stream-of-a-deleted-run-never-ends',
    why: 'A client waits for ever for the end of a run that is gone.',
    edits: [
      edit(
        'api/stream-run.ts',
        `AbortSignal.any([closed.signal, context.stopping, deletion.signal, keyEnd.signal])`,
        `AbortSignal.any([closed.signal, context.stopping, keyEnd.signal])`,
      ),
    ],
    caughtBy: [by(RESUME, 'ends at once when its run is deleted')],
  },
  {
    id: 'deletion-told-to-nobody',
    why: 'A stream of a deleted run ends after a quarter of a minute.',
    edits: [
      edit(
        'db/threads/threads.ts',
        `await query(tx, 'threads.notify-deleted', notify, [DELETED_CHANNEL, active]);`,
        `void [DELETED_CHANNEL, notify, active];`,
      ),
    ],
    caughtBy: [by(RESUME, 'ends at once when its run is deleted')],
  },
  {
    id: 'end-of-a-turn-told-in-a-second-transaction',
    why: 'A crash in between leaves a run that has ended and a stream that never does.',
    edits: [
      edit(
        'db/turns/finish-turn.ts',
        `      appendEvents(tx, ref.runId, events, ref.owner),\n      query(`,
        `      query(`,
      ),
      edit(
        'db/turns/finish-turn.ts',
        `    ]);\n    return result;\n  });`,
        `    ]);
    return { result, events };
  }).then(async (ended) => {
    if (!('events' in ended)) return ended;
    await withTransaction(pool, (tx) => appendEvents(tx, ref.runId, ended.events));
    return ended.result;
  });`,
      ),
    ],
    caughtBy: [WHOLE],
  },
  {
    id: 'end-of-a-run-told-in-a-second-transaction',
    why: 'A crash in between leaves a run that has ended and a stream that never does.',
    edits: [
      edit(
        'db/runs/finalize.ts',
        `  await appendEvents(tx, runId, events);\n  return runEnd(run);`,
        `  return { ...runEnd(run), events } as FinalizeResult;`,
      ),
      edit(
        'db/runs/finalize.ts',
        `  return withTransaction(pool, (tx) => finalize(tx, runId, reason));`,
        `  const ended: FinalizeResult & { events?: RunEvent[] } =
    await withTransaction(pool, (tx) => finalize(tx, runId, reason));
  const { events, ...outcome } = ended;
  if (events !== undefined) await withTransaction(pool, (tx) => appendEvents(tx, runId, events));
  return outcome as FinalizeResult;`,
      ),
    ],
    caughtBy: [WHOLE],
  },
  {
    id: 'event-day-dropped-too-early',
    why: 'A run that waits for days begins to number its events anew.',
    edits: [
      edit(
        'migrations/000016.sql',
        `and exists (select from run_events e where e.run_day = day and e.run_id = r.id)`,
        `and false`,
      ),
    ],
    caughtBy: [
      by(
        'test/db/maintenance.test.ts',
        'a day of events is kept while a run in it is active, and goes when all have ended',
      ),
    ],
  },
];
