/** What the projects used, by day. Only administrators get it. */
import { BarChart } from '@mantine/charts';
import { Select, Stack, Table, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { bytes } from '../language/index.ts';
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
] as const;
type Measure = (typeof MEASURES)[number];
type Bucket = { start_time: number; results: Record<Measure, number | null>[] };

const DAYS = 30;
const DAY_SECONDS = 86_400;

export function UsagePage() {
  const { t } = useTranslation();
  const client = useClient();
  const [measure, setMeasure] = useState<Measure>('runs');
  const { data, error, isPending } = useQuery({
    queryKey: ['usage'],
    queryFn: async () => {
      const start_time = Math.floor(Date.now() / 1_000) - DAYS * DAY_SECONDS;
      const query = { start_time, limit: DAYS + 1 };
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
      <Select
        w={240}
        label={t('usage.measure')}
        allowDeselect={false}
        data={MEASURES.map((value) => ({ value, label: t(`column.${value}`) }))}
        value={measure}
        onChange={(value) => setMeasure(value as Measure)}
      />
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
  const shown = (name: Measure, value: number | null | undefined) =>
    name === 'stored_bytes' && typeof value === 'number'
      ? bytes(value)
      : (value?.toLocaleString() ?? '–');
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
