import { keepPreviousData, useQuery } from '@tanstack/react-query';

import { useClient } from '../session.tsx';

/** The steps of a live run come with its events. */
export function useSteps(threadId: string, runId: string, enabled: boolean, status?: string) {
  const client = useClient();
  return useQuery({
    queryKey: ['steps', threadId, runId, status],
    placeholderData: keepPreviousData,
    enabled,
    queryFn: async () => {
      const include = ['step_details.tool_calls[*].file_search.results[*].content' as const];
      const params = { thread_id: threadId, limit: 100, order: 'asc' as const, include };
      return (await client.beta.threads.runs.steps.list(runId, params)).data;
    },
  });
}
