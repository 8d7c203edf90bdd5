import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { MessageContent } from 'openai/resources/beta/threads/messages';

import { isActive } from '../chat/live-run.ts';
import { useClient } from '../session.tsx';

export const PARTS = ['instructions', 'tools', 'tool_calls', 'tool_outputs', 'messages'] as const;
export type Part = (typeof PARTS)[number];

/** A request to the model. Times are in milliseconds. */
export type Sent = {
  sent_at: number;
  duration_ms: number;
  tokens: Record<Part | 'room', number>;
  limited_by: string;
  kept: [from: number, to: number][];
  cut: number[];
};
export type Lost = Sent & { error: string; status: number | null };
export type Turn = {
  turn: number;
  usage: { prompt_tokens: number; completion_tokens: number } | null;
  request: Sent | null;
  lost_requests: Lost[];
  steps: string[];
};
export type Explanation = {
  turns: Turn[];
  dropped_messages: {
    count: number;
    messages: { id: string; tokens: number; reason: string }[];
  } | null;
  cost_usd: number | null;
  workflow_url?: string;
  content?: {
    instructions: string | null;
    tools: object[];
    messages: { id: string; number: number; role: string; content: MessageContent[] }[];
  };
};

const REFRESH_MS = 2_000;

/** The server's record of the run's requests. A change of `status` fetches it again. */
export function useExplanation(threadId: string, runId: string, status: string | undefined) {
  const client = useClient();
  return useQuery({
    queryKey: ['explanation', threadId, runId, status],
    enabled: status !== undefined,
    placeholderData: keepPreviousData,
    refetchInterval: isActive(status) ? REFRESH_MS : false,
    queryFn: () =>
      client.get<Explanation>(`/threads/${threadId}/runs/${runId}/explain`, {
        query: { include: ['content'] },
      }),
  });
}
