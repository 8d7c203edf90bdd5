import { Group, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { seconds } from '../language/index.ts';
import { Rows } from '../parts/rows.tsx';
import { operationsOf, percentile, sum } from './metrics.ts';
import type { Latency } from './metrics.ts';
import { useMetrics } from './use-status.ts';

const FIRST_TOKEN = 'threadmill_run_time_to_first_token_seconds_bucket';

/** The requests of one API process since its start. */
export function Requests() {
  const { t } = useTranslation();
  const { data: families } = useMetrics();
  if (families === undefined || families.size === 0) return null;
  const first = families.get(FIRST_TOKEN);
  const connections = families.get('db_client_connection_count') ?? [];
  const used = connections.filter(({ labels }) => labels['db_client_connection_state'] === 'used');
  const time = (name: 'p50' | 'p95') => ({
    name,
    cell: ([, latency]: [string, Latency]) => `≤ ${seconds(latency[name])}`,
  });
  return (
    <>
      <Title order={2} size="h4">
        {t('status.requests')}
      </Title>
      <Group gap="lg">
        <Text size="sm">
          {t('status.streams', { count: sum(families.get('threadmill_streams')) })}
        </Text>
        <Text size="sm">{t('status.connections', { used: sum(used), all: sum(connections) })}</Text>
        {first !== undefined && (
          <Text size="sm">
            {t('status.firstToken', { time: seconds(percentile(first, 0.95)) })}
          </Text>
        )}
      </Group>
      <Rows
        title={t('status.requests')}
        rows={operationsOf(families)}
        keyOf={([operation]) => operation}
        columns={[
          { name: 'operation', cell: ([operation]) => operation },
          { name: 'requests', cell: ([, { count }]) => count.toLocaleString() },
          { name: 'failed', cell: ([, { failed }]) => failed.toLocaleString() },
          time('p50'),
          time('p95'),
        ]}
      />
    </>
  );
}
