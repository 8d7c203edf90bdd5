/** One run: what it is, what it did and when. */
import { Button, Group, Progress, Stack, Table, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Run } from 'openai/resources/beta/threads/runs/runs';
import type { RunStep } from 'openai/resources/beta/threads/runs/steps';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';

import { isActive, isOpen } from '../chat/live-run.ts';
import { StepList } from '../chat/steps.tsx';
import { ToolAnswers } from '../chat/tool-answers.tsx';
import { useSteps } from '../chat/use-steps.ts';
import { time } from '../language/index.ts';
import { Fields, Id, Metadata, To } from '../parts/fields.tsx';
import { Failure, Status, Waiting } from '../parts/states.tsx';
import { useAction } from '../parts/use-action.ts';
import { useClient } from '../session.tsx';

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
  if (found.error !== null) return <Failure error={found.error} />;
  if (found.isPending || steps.isPending) return <Waiting />;
  return (
    <Stack>
      <Heading run={found.data} />
      {found.data.status === 'requires_action' && <ToolAnswers run={found.data} />}
      <RunFields run={found.data} />
      <Timeline run={found.data} steps={steps.data ?? []} />
      <StepList steps={steps.data ?? []} open />
    </Stack>
  );
}

function Heading({ run }: { run: Run }) {
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
      </Group>
      {(isActive(run.status) || run.status === 'requires_action') && (
        <Button size="xs" color="red" variant="light" onClick={() => cancel.mutate()}>
          {t('chat.stop')}
        </Button>
      )}
    </Group>
  );
}

function RunFields({ run }: { run: Run }) {
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
        created_at: time(run.created_at),
        started_at: time(run.started_at),
        metadata: <Metadata value={run.metadata as never} />,
      }}
    />
  );
}

type Span = { name: string; from: number; to: number };

/** Whole seconds, as the API's objects have them. */
export function spansOf(run: Run, steps: RunStep[], now: number): Span[] {
  const end = run.completed_at ?? run.failed_at ?? run.cancelled_at ?? now;
  return [
    { name: 'queued', from: run.created_at, to: run.started_at ?? end },
    ...steps.map(({ type, created_at: from, completed_at, failed_at, cancelled_at }) => ({
      name: type,
      from,
      to: completed_at ?? failed_at ?? cancelled_at ?? end,
    })),
  ];
}

function Timeline({ run, steps }: { run: Run; steps: RunStep[] }) {
  const { t } = useTranslation();
  const spans = spansOf(run, steps, Math.floor(Date.now() / 1_000));
  const end = Math.max(...spans.map(({ to }) => to));
  const whole = Math.max(1, end - run.created_at);
  const part = (seconds: number) => (seconds / whole) * 100;
  return (
    <Table aria-label={t('run.timeline')}>
      <Table.Tbody>
        {spans.map(({ name, from, to }, place) => (
          <Table.Tr key={place}>
            <Table.Th w={160} fw={500}>
              {t(`span.${name}`)}
            </Table.Th>
            <Table.Td>
              <Progress.Root aria-hidden>
                <Progress.Section value={part(from - run.created_at)} color="transparent" />
                <Progress.Section value={Math.max(1, part(to - from))} />
              </Progress.Root>
            </Table.Td>
            <Table.Td w={80}>
              <Text size="sm">{to - from} s</Text>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
