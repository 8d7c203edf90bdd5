import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import type { Message } from 'openai/resources/beta/threads/messages';
import { useMemo } from 'react';

import { useClient } from '../session.tsx';
import type { Live } from './live-run.ts';

/** A place in the conversation: a message, or the steps of a run before its first message. */
export type Item =
  { kind: 'message'; id: string; message: Message } | { kind: 'steps'; id: string; runId: string };

const PAGE = 100;
type Page = { data: Message[]; has_more: boolean };
type Pages = { pages: Page[] };

/** Earlier messages do not change, so a long thread is not fetched again after a run. */
function pageAfter(read: Pages | undefined, after: string): Page | undefined {
  const messages = read?.pages.flatMap(({ data }) => data) ?? [];
  const from = messages.findIndex(({ id }) => id === after) + 1;
  if (from === 0 || from + PAGE > messages.length) return undefined;
  const has_more = from + PAGE < messages.length || read!.pages.at(-1)!.has_more;
  return { data: messages.slice(from, from + PAGE), has_more };
}

/** The newest messages first; earlier ones a page at a time. */
export function useMessages(threadId: string | undefined, live: Live) {
  const client = useClient();
  const queries = useQueryClient();
  const listed = useInfiniteQuery({
    queryKey: ['messages', threadId],
    enabled: threadId !== undefined,
    initialPageParam: '',
    queryFn: async ({ pageParam, queryKey }): Promise<Page> => {
      const known = pageAfter(queries.getQueryData<Pages>(queryKey), pageParam);
      if (known !== undefined) return known;
      const after = pageParam === '' ? {} : { after: pageParam };
      const query = { limit: PAGE, ...after };
      const { data, has_more } = await client.beta.threads.messages.list(threadId!, query);
      return { data, has_more };
    },
    getNextPageParam: ({ data, has_more }) => (has_more ? data.at(-1)?.id : undefined),
  });
  const pages = listed.data?.pages;
  const items = useMemo(() => {
    const stored = pages?.flatMap(({ data }) => data).toReversed() ?? [];
    return itemsOf(stored, live);
  }, [pages, live]);
  return { ...listed, items };
}

function itemsOf(stored: Message[], live: Live): Item[] {
  const messages = new Map(stored.map((message) => [message.id, message]));
  // A list that was fetched during an answer has less of its text than the events.
  for (const [id, message] of live.messages) {
    if (messages.get(id)?.status !== 'completed') messages.set(id, message);
  }
  const runs = new Set<string>();
  const items: Item[] = [];
  const addSteps = (runId: string) => {
    if (!runs.has(runId)) items.push({ kind: 'steps', id: `steps-${runId}`, runId });
    runs.add(runId);
  };
  for (const message of messages.values()) {
    if (message.role === 'assistant' && message.run_id !== null) addSteps(message.run_id);
    items.push({ kind: 'message', id: message.id, message });
  }
  if (live.run !== undefined) addSteps(live.run.id);
  return items;
}
