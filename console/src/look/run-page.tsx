/** One run: its fields, its timeline, and the prompt that its model got. */
import { Anchor, Button, Group, Stack, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Run } from 'openai/resources/beta/threads/runs/runs';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';

import { isActive, isOpen } from '../chat/live-run.ts';
import { StepList } from '../chat/steps.tsx';
import { ToolAnswers } from '../chat/tool-answers.tsx';
import { useSteps } from '../chat/use-steps.ts';
import { dollars, time } from '../language/index.ts';
import { Fields, Id, Metadata, To } from '../parts/fields.tsx';
import { Failure, Status, Waiting } from '../parts/states.tsx';
import { useAction } from '../parts/use-action.ts';
import { useClient } from '../session.tsx';
import { Prompt } from './run-prompt.tsx';
import { Timeline } from './run-timeline.tsx';
import { spansOf } from './spans.ts';
import { useExplanation } from './use-explanation.ts';
import type { Explanation } from './use-explanation.ts';

const REFRESH_MS = 2_000;

export function RunPage() {
  const { threadId = '', runId = '' } = useParams();
  const client = useClient();
  const found = useQuery({
    queryKey: ['run', threadId, runId],
    queryFn: () => client.beta.threads.runs.retrieve(runId, { thread_id: threadId }),
    refetchInterval: ({ state }) => (isOpen(state.data?.status) ? REFRESH_MS : false),
  });
  const steps = useSteps(threadId, runId, true, found.data?.status);
  const explained = useExplanation(threadId, runId, found.data?.status);
  const error = found.error ?? explained.error;
  if (error !== null) return <Failure error={error} />;
  if (found.data === undefined || steps.isPending || explained.data === undefined) {
    return <Waiting />;
  }
  const spans = spansOf(found.data, steps.data ?? [], explained.data, Date.now());
  return (
    <Stack>
      <Heading run={found.data} workflowUrl={explained.data.workflow_url} />
      {found.data.status === 'requires_action' && <ToolAnswers run={found.data} />}
      <RunFields run={found.data} cost={explained.data.cost_usd} />
      <Timeline spans={spans} />
      <Prompt explained={explained.data} />
      <StepList steps={steps.data ?? []} open />
    </Stack>
  );
}

type HeadingProps = { run: Run; workflowUrl: string | undefined };

function Heading({ run, workflowUrl }: HeadingProps) {
  const { t } = useTranslation();
  const client = useClient();
  const cancel = useAction(() =>
    client.beta.threads.runs.cancel(run.id, { thread_id: run.thread_id }),
  );
  return (
    <Group justify="space-between">
      <Group gap="xs">
        <Title order={1} size="h3">
          {t('column.run')}
        </Title>
        <Status value={run.status} />
        {workflowUrl !== undefined && (
          <Anchor href={workflowUrl} target="_blank" rel="noreferrer" size="sm">
            {t('run.workflow')}
          </Anchor>
        )}
      </Group>
      {(isActive(run.status) || run.status === 'requires_action') && (
        <Button size="xs" color="red" variant="light" onClick={() => cancel.mutate()}>
          {t('chat.stop')}
        </Button>
      )}
    </Group>
  );
}

type FieldsProps = { run: Run; cost: Explanation['cost_usd'] };

function RunFields({ run, cost }: FieldsProps) {
  const { t } = useTranslation();
  const { usage, last_error: failure } = run;
  return (
    <Fields
      values={{
        id: <Id value={run.id} />,
        thread: <To path={`/chat/${run.thread_id}`}>{run.thread_id}</To>,
        assistant: <To path={`/assistants/${run.assistant_id}`}>{run.assistant_id}</To>,
        model: run.model,
        error: failure && `${failure.code}: ${failure.message}`,
        incomplete: run.incomplete_details?.reason,
        tokens: usage && t('run.tokens', { in: usage.prompt_tokens, out: usage.completion_tokens }),
        cost: cost === null ? undefined : dollars(cost),
        created_at: time(run.created_at),
        started_at: time(run.started_at),
        metadata: <Metadata value={run.metadata as never} />,
      }}
    />
  );
}
