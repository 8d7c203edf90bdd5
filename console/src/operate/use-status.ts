import { useQuery } from '@tanstack/react-query';
import type { Run } from 'openai/resources/beta/threads/runs/runs';

import type { Listed } from '../parts/list.tsx';
import { useClient, useSession } from '../session.tsx';
import { parseMetrics } from './metrics.ts';

type Percentiles = { p50: number; p95: number } | null;
export type TaskQueue = {
  name: string;
  kind: 'workflow' | 'activity';
  backlog: number;
  oldest_seconds: number;
  tasks_per_second: number;
  workers: { identity: string; build: string | null; last_seen_at: number }[];
};
export type StuckRun = Pick<Run, 'id' | 'thread_id' | 'status'> & {
  project_id: string;
  last_change_at: number;
};
export type ServerStatus = {
  version: string;
  active_runs: Record<string, number>;
  oldest_queued_at: number | null;
  recent_runs: {
    created: number;
    by_status: Record<string, number>;
    queue_seconds: Percentiles;
    duration_seconds: Percentiles;
  };
  stuck_runs: StuckRun[];
  task_queues: TaskQueue[] | null;
};

const REFRESH_MS = 5_000;

export function useStatus(stuckMinutes: number) {
  const client = useClient();
  return useQuery({
    queryKey: ['status', stuckMinutes],
    refetchInterval: ({ state }) => (state.error === null ? REFRESH_MS : false),
    queryFn: () =>
      client.get<ServerStatus>('/threadmill/status', { query: { stuck_minutes: stuckMinutes } }),
  });
}

/** The figures of the API process that answers. */
export function useMetrics() {
  const { key } = useSession();
  return useQuery({
    queryKey: ['metrics'],
    refetchInterval: REFRESH_MS,
    queryFn: async () => {
      const answer = await fetch('/metrics', { headers: { authorization: `Bearer ${key}` } });
      return parseMetrics(answer.ok ? await answer.text() : '');
    },
  });
}

/** The active runs of the key's project. */
export function useActiveRuns(enabled: boolean) {
  const client = useClient();
  return useQuery({
    queryKey: ['active-runs'],
    enabled,
    refetchInterval: REFRESH_MS,
    queryFn: async () => {
      const lists = ['queued', 'in_progress', 'requires_action', 'cancelling'].map((status) =>
        client.get<Listed<Run>>('/threadmill/runs', { query: { status, limit: 100 } }),
      );
      return (await Promise.all(lists)).flatMap(({ data }) => data);
    },
  });
}
