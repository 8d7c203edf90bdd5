import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { AssistantStreamEvent } from 'openai/resources/beta/assistants';
import type { Run } from 'openai/resources/beta/threads/runs/runs';
import type { Stream } from 'openai/streaming';
import type OpenAI from 'openai';
import { useEffect, useState } from 'react';

import { useClient } from '../session.tsx';
import { applyEvent, isOpen, NOTHING } from './live-run.ts';
import type { Live } from './live-run.ts';

const RECONNECT_MS = 1_000;

/**
 * The newest run of the thread, live. The server keeps the events of a run, so a reload in its middle, and a connection that
 * is cut, begin with its first event again: nothing is missing and nothing is there twice.
 */
export function useLiveRun(threadId: string | undefined): Live {
  const client = useClient();
  const queries = useQueryClient();
  const [live, setLive] = useState(NOTHING);
  const newest = useQuery({
    queryKey: ['newest-run', threadId],
    enabled: threadId !== undefined,
    queryFn: async () => (await client.beta.threads.runs.list(threadId!, { limit: 1 })).data[0],
  }).data;
  const runId = isOpen(newest?.status) ? newest!.id : undefined;
  useEffect(() => setLive(NOTHING), [threadId]);
  useEffect(() => {
    if (threadId === undefined || runId === undefined) return;
    const stop = new AbortController();
    void follow({ client, threadId, runId, signal: stop.signal }, setLive).then(() =>
      stop.signal.aborted ? undefined : queries.invalidateQueries(),
    );
    return () => stop.abort();
  }, [client, queries, threadId, runId]);
  return live.run?.thread_id === threadId || newest === undefined ? live : { ...live, run: newest };
}

type Followed = { client: OpenAI; threadId: string; runId: string; signal: AbortSignal };

/** Resolves when the run has ended. */
async function follow(followed: Followed, show: (live: Live) => void): Promise<void> {
  const { client, threadId, runId, signal } = followed;
  for (let run: Run | undefined; !signal.aborted && (run === undefined || isOpen(run.status));) {
    try {
      run = await readEvents(followed, show);
    } catch {
      if (signal.aborted) return;
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
    }
    // A deleted run has no more events.
    run ??= await client.beta.threads.runs
      .retrieve(runId, { thread_id: threadId })
      .catch(() => undefined);
  }
}

async function readEvents(
  { client, threadId, runId, signal }: Followed,
  show: (live: Live) => void,
) {
  const stream = await client.get<Stream<AssistantStreamEvent>>(
    `/threads/${threadId}/runs/${runId}/events`,
    { stream: true, signal },
  );
  let live = NOTHING;
  let frame: number | undefined;
  for await (const event of stream) {
    live = applyEvent(live, event);
    // Tokens come faster than a screen shows them.
    frame ??= requestAnimationFrame(() => {
      frame = undefined;
      show(live);
    });
  }
  if (!signal.aborted) show(live);
  return live.run;
}
