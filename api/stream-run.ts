/** Which of a run's events a stream carries, and when it stops. */
import type { Request, Response } from 'express';

import type { StoredEvent } from '../db/events/run-events.ts';
import { readEventAt, readEvents } from '../db/events/run-events.ts';
import { runExists } from '../db/runs/read-runs.ts';
import type { ApiError } from '../wire/errors/errors.ts';
import { streamOpened } from '../telemetry/metrics.ts';
import { notFound } from '../wire/errors/errors.ts';
import { isPausing, isTerminal } from '../wire/events.ts';
import type { RunId, ThreadId } from '../wire/ids.ts';
import { endedApiKey } from '../wire/errors/http-errors.ts';
import { isActive } from '../wire/run-status.ts';
import { withoutSearchContentText } from '../wire/search-results.ts';
import type { RunStatus } from '../wire/types.ts';
import type { ApiContext } from './context.ts';
import { projectOf } from './http/auth.ts';
import { replayRun } from './replay-run.ts';
import type { Frame } from './http/sse.ts';
import { SseStream } from './http/sse.ts';
import { onKeyEnd } from './http/key-watch.ts';

export type StreamedRun = { id: RunId; thread_id: ThreadId; status: RunStatus };

export type StreamOptions = {
  /** The stream starts with the event after this one. */
  afterSeq: number;
  /** The last event that the client has seen, when it resumes the stream; a later `Last-Event-ID` wins. */
  seenSeq?: number | undefined;
  /** A request's own stream ends when the run needs its client; a reader's stream goes on until the run has ended. */
  stopAtPause: boolean;
  /** Whether search results come with their text. */
  withContent: boolean;
};

/** Events of a run, from `afterSeq` until it pauses or ends, then `done`. A client that leaves changes nothing. */
export async function streamRun(
  context: ApiContext,
  response: Response,
  run: StreamedRun,
  options: StreamOptions,
): Promise<void> {
  const seenSeq = Math.max(options.seenSeq ?? 0, lastEventId(response.req) ?? 0);
  using _open = streamOpened();
  using sse = new SseStream(response, context.config.streamKeepAliveMs);
  const closed = new AbortController();
  response.on('close', () => closed.abort());
  using deletion = watchDeletion(context, run.id);
  const keyEnd = new AbortController();
  onKeyEnd(response, () => keyEnd.abort());
  const show = shownFrame(options);
  const signal = AbortSignal.any([closed.signal, context.stopping, deletion.signal, keyEnd.signal]);
  if (!isActive(run.status) && (await eventsAreGone(context, run.id))) {
    const replayed = await replayRun(context.pool, projectOf(response), run);
    const missed = (replayed.at(-1)?.id ?? 0) > seenSeq ? replayed : [];
    await sse.send([...missed.map(show), DONE]);
  } else if (await follow(context, sse, { ...options, runId: run.id, seenSeq, show }, signal)) {
    await sse.send([DONE]);
  } else if (deletion.signal.aborted) {
    await sse.send([errorFrame(notFound('run', run.id))]);
  } else if (keyEnd.signal.aborted) {
    await sse.send([errorFrame(endedApiKey())]);
  }
  sse.end();
}

const errorFrame = (error: ApiError): Frame => ({ event: 'error', data: JSON.stringify(error) });
const DONE = { event: 'done', data: '[DONE]' };
type Show = (frame: Frame) => Frame;

function shownFrame({ withContent }: StreamOptions): Show {
  if (withContent) return (frame) => frame;
  return (frame) => ({ ...frame, data: withoutSearchContentText(frame.event, frame.data) });
}

/** A notification says so at once; one that was lost is made up for. */
const DELETION_CHECK_MS = 15_000;

/** A run that was deleted with its thread has no last event. */
function watchDeletion(context: ApiContext, runId: RunId): Disposable & { signal: AbortSignal } {
  const gone = new AbortController();
  const timer = setInterval(() => {
    void runExists(context.pool, runId).then(
      (exists) => exists || gone.abort(),
      () => {},
    );
  }, DELETION_CHECK_MS);
  const unsubscribe = context.feed.onDeleted(runId, () => gone.abort());
  return {
    signal: gone.signal,
    [Symbol.dispose]: () => {
      unsubscribe();
      clearInterval(timer);
    },
  };
}

/** True once the last event was sent; false when the stream was given up before. */
async function follow(
  context: ApiContext,
  sse: SseStream,
  { runId, ...options }: StreamOptions & { runId: RunId; show: Show },
  signal: AbortSignal,
): Promise<boolean> {
  const { stopAtPause, show } = options;
  const isLast = (event: string) => isTerminal(event) || (stopAtPause && isPausing(event));
  const afterSeq = await startOf(context, runId, options, isLast);
  if (afterSeq === 'end') return true;
  for await (const events of context.feed.tail(runId, afterSeq, signal)) {
    const end = events.findIndex(({ event }) => isLast(event));
    await sse.send((end === -1 ? events : events.slice(0, end + 1)).map(toFrame).map(show));
    if (end !== -1) return true;
    if (signal.aborted) return false;
  }
  return false;
}

/**
 * Where a stream goes on, or `end` when its client has seen its last event. A client that comes back to a run that waits
 * for it has nothing to wait for, whichever stream it resumes.
 */
async function startOf(
  context: ApiContext,
  runId: RunId,
  { afterSeq, seenSeq = 0 }: StreamOptions,
  isLast: (event: string) => boolean,
): Promise<number | 'end'> {
  if (seenSeq <= afterSeq) return afterSeq;
  const seen = await readEventAt(context.pool, runId, seenSeq);
  if (seen === undefined || seen.seq <= afterSeq) return afterSeq;
  return isLast(seen.event) || (seen.newest && isPausing(seen.event)) ? 'end' : seen.seq;
}

function toFrame({ seq, event, data }: StoredEvent): Frame {
  return { id: seq, event, data };
}

/** Events are kept for days, runs for ever. */
async function eventsAreGone(context: ApiContext, runId: RunId): Promise<boolean> {
  return (await readEvents(context.pool, runId, 0, 1)).length === 0;
}

function lastEventId(request: Request): number | undefined {
  const value = request.get('last-event-id');
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}
