/** The state of the deployment for keys with the scope `admin`; for other keys the active runs of their project. */
import { Alert, Group, NumberInput, Paper, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { APIError } from 'openai';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { seconds, time } from '../language/index.ts';
import { Id, To } from '../parts/fields.tsx';
import { Failure, Status, Waiting } from '../parts/states.tsx';
import { Rows } from '../parts/rows.tsx';
import { CancelRun } from './cancel-run.tsx';
import { Requests } from './requests.tsx';
import { useActiveRuns, useStatus } from './use-status.ts';
import type { ServerStatus, StuckRun, TaskQueue } from './use-status.ts';

export function StatusPage() {
  const { t } = useTranslation();
  const [minutes, setMinutes] = useState(10);
  const { data, error } = useStatus(minutes);
  const isProjects = error instanceof APIError && error.status === 403;
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={1} size="h3">
          {t('shell.status')}
        </Title>
        {data !== undefined && <Text c="dimmed">Threadmill {data.version}</Text>}
      </Group>
      {isProjects && <ProjectRuns />}
      {error !== null && !isProjects && <Failure error={error} />}
      {error === null && data === undefined && <Waiting />}
      {data !== undefined && (
        <>
          <Figures status={data} />
          <Stuck runs={data.stuck_runs} minutes={minutes} onMinutes={setMinutes} />
          <Queues queues={data.task_queues} />
          <Requests />
        </>
      )}
    </Stack>
  );
}

function Figures({ status }: { status: ServerStatus }) {
  const { t } = useTranslation();
  const { active_runs: active, recent_runs: recent, oldest_queued_at: oldest } = status;
  const { queue_seconds: queue, duration_seconds: lasted, by_status: ends } = recent;
  const failed = (ends['failed'] ?? 0) + (ends['expired'] ?? 0);
  const both = (times: { p50: number; p95: number } | null) =>
    times === null ? '–' : `${seconds(times.p50)} / ${seconds(times.p95)}`;
  const figures = {
    ...Object.fromEntries(
      Object.entries(active).map(([name, count]) => [`status.${name}`, count.toLocaleString()]),
    ),
    'status.oldest': oldest === null ? '–' : seconds(Math.max(0, Date.now() / 1_000 - oldest)),
    'status.perMinute': (recent.created / 10).toLocaleString(),
    'status.failures': `${failed} / ${recent.created}`,
    'status.queueTime': both(queue),
    'status.runTime': both(lasted),
  };
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 5 }} spacing="sm" component="dl" m={0}>
      {Object.entries(figures).map(([name, value]) => (
        <Paper key={name} withBorder p="sm" component="div">
          <Text component="dt" size="sm" c="dimmed">
            {t(name)}
          </Text>
          <Text component="dd" fw={700} size="xl" m={0}>
            {value}
          </Text>
        </Paper>
      ))}
    </SimpleGrid>
  );
}

type StuckProps = { runs: StuckRun[]; minutes: number; onMinutes: (minutes: number) => void };

function Stuck({ runs, minutes, onMinutes }: StuckProps) {
  const { t } = useTranslation();
  return (
    <>
      <Group justify="space-between" align="end">
        <Title order={2} size="h4">
          {t('status.stuck')}
        </Title>
        <NumberInput
          size="xs"
          w={170}
          label={t('status.minutes')}
          min={1}
          max={1_440}
          value={minutes}
          onChange={(value) => typeof value === 'number' && value >= 1 && onMinutes(value)}
        />
      </Group>
      <Rows
        title={t('status.stuck')}
        rows={runs}
        keyOf={({ id }) => id}
        columns={[
          { name: 'run', cell: ({ id }) => <Id value={id} /> },
          { name: 'status', cell: ({ status }) => <Status value={status} /> },
          { name: 'project', cell: ({ project_id: id }) => <Id value={id} /> },
          { name: 'changed', cell: ({ last_change_at: at }) => time(at) },
          {
            name: 'actions',
            cell: ({ id }) => <CancelRun path={`/threadmill/runs/${id}/cancel`} />,
          },
        ]}
      />
    </>
  );
}

function Queues({ queues }: { queues: TaskQueue[] | null }) {
  const { t } = useTranslation();
  if (queues === null) return <Alert color="red">{t('status.noTemporal')}</Alert>;
  const workers = new Map(
    queues.flatMap((queue) => queue.workers.map((one) => [one.identity, one])),
  );
  return (
    <>
      <Title order={2} size="h4">
        {t('status.queues')}
      </Title>
      <Rows
        title={t('status.queues')}
        rows={queues}
        keyOf={({ name, kind }) => name + kind}
        columns={[
          { name: 'queue', cell: ({ name, kind }) => `${name} · ${t(`status.${kind}`)}` },
          { name: 'backlog', cell: ({ backlog }) => backlog.toLocaleString() },
          { name: 'age', cell: ({ oldest_seconds: age }) => seconds(age) },
          { name: 'rate', cell: (queue) => queue.tasks_per_second.toFixed(1) },
          { name: 'workers', cell: (queue) => queue.workers.length },
        ]}
      />
      <Title order={2} size="h4">
        {t('status.workers')}
      </Title>
      <Rows
        title={t('status.workers')}
        rows={[...workers.values()]}
        keyOf={({ identity }) => identity}
        columns={[
          { name: 'worker', cell: ({ identity }) => identity },
          { name: 'build', cell: ({ build }) => build ?? '–' },
          { name: 'seen', cell: ({ last_seen_at: at }) => time(at) },
        ]}
      />
    </>
  );
}

function ProjectRuns() {
  const { t } = useTranslation();
  const { data, error } = useActiveRuns(true);
  if (error !== null) return <Failure error={error} />;
  if (data === undefined) return <Waiting />;
  return (
    <>
      <Text>{t('status.ofProject')}</Text>
      <Rows
        title={t('status.ofProject')}
        rows={data}
        keyOf={({ id }) => id}
        columns={[
          {
            name: 'run',
            cell: ({ id, thread_id: thread }) => (
              <To path={`/threads/${thread}/runs/${id}`}>{id}</To>
            ),
          },
          { name: 'status', cell: ({ status }) => <Status value={status} /> },
          { name: 'created_at', cell: ({ created_at: at }) => time(at) },
          {
            name: 'actions',
            cell: ({ id, thread_id: thread }) => (
              <CancelRun path={`/threads/${thread}/runs/${id}/cancel`} />
            ),
          },
        ]}
      />
    </>
  );
}
