/** The usage of projects by day. Only keys with the scope `admin` may read it. */
import { BarChart } from '@mantine/charts';
import { Group, Select, Stack, Table, Title } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { bytes, dollars } from '../language/index.ts';
import { useObjects } from '../parts/list.tsx';
import { Failure, Waiting } from '../parts/states.tsx';
import { useClient } from '../session.tsx';

const MEASURES = [
  'runs',
  'requests',
  'prompt_tokens',
  'cached_tokens',
  'completion_tokens',
  'reasoning_tokens',
  'sandbox_seconds',
  'stored_bytes',
  'cost_usd',
] as const;
type Measure = (typeof MEASURES)[number];
type Project = { id: string; name: string };
type Bucket = { start_time: number; results: Record<Measure, number | null>[] };

const DAYS = 30;
const DAY_SECONDS = 86_400;

export function UsagePage() {
  const { t } = useTranslation();
  const client = useClient();
  const [measure, setMeasure] = useState<Measure>('runs');
  const [project, setProject] = useState<string | null>(null);
  const { objects: projects } = useObjects<Project>('/threadmill/projects', {}, 100);
  const { data, error, isPending } = useQuery({
    queryKey: ['usage', project],
    placeholderData: keepPreviousData,
    queryFn: async () => {
      const start_time = Math.floor(Date.now() / 1_000) - DAYS * DAY_SECONDS;
      const query = { start_time, limit: DAYS + 1, ...(project && { project_id: project }) };
      return (await client.get<{ data: Bucket[] }>('/threadmill/usage', { query })).data;
    },
  });
  if (error !== null) return <Failure error={error} />;
  if (isPending) return <Waiting />;
  const days = data.map(({ start_time, results: [sums] }) => ({
    day: new Date(start_time * 1_000).toISOString().slice(0, 10),
    ...sums,
  }));
  return (
    <Stack>
      <Title order={1} size="h3">
        {t('shell.usage')}
      </Title>
      <Group>
        <Select
          w={240}
          label={t('usage.measure')}
          allowDeselect={false}
          data={MEASURES.map((value) => ({ value, label: t(`column.${value}`) }))}
          value={measure}
          onChange={(value) => setMeasure(value as Measure)}
        />
        <Select
          w={240}
          label={t('column.project')}
          placeholder={t('usage.all')}
          clearable
          searchable
          data={projects.map(({ id, name }) => ({ value: id, label: name }))}
          value={project}
          onChange={setProject}
        />
      </Group>
      <BarChart
        h={280}
        data={days}
        dataKey="day"
        series={[{ name: measure, color: 'blue.6', label: t(`column.${measure}`) }]}
      />
      <UsageTable days={days} />
    </Stack>
  );
}

function UsageTable({
  days,
}: {
  days: ({ day: string } & Partial<Record<Measure, number | null>>)[];
}) {
  const { t } = useTranslation();
  const shown = (name: Measure, value: number | null | undefined) => {
    if (typeof value !== 'number') return '–';
    if (name === 'stored_bytes') return bytes(value);
    return name === 'cost_usd' ? dollars(value) : value.toLocaleString();
  };
  return (
    <Table.ScrollContainer minWidth={720} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('column.day')}</Table.Th>
            {MEASURES.map((name) => (
              <Table.Th key={name}>{t(`column.${name}`)}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {days.toReversed().map((day) => (
            <Table.Tr key={day.day}>
              <Table.Td>{day.day}</Table.Td>
              {MEASURES.map((name) => (
                <Table.Td key={name}>{shown(name, day[name])}</Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
