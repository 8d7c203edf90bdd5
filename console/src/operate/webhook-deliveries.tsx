import { Button, Group, Select, Title } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { time } from '../language/index.ts';
import { ObjectTable, useObjects } from '../parts/list.tsx';
import { Status } from '../parts/states.tsx';
import { useAction } from '../parts/use-action.ts';
import { useClient } from '../session.tsx';

const STATUSES = ['pending', 'succeeded', 'dead'] as const;
type Delivery = {
  id: string;
  created_at: number;
  endpoint_id: string;
  event_type: string;
  status: (typeof STATUSES)[number];
  attempts: number;
  last_status_code: number | null;
  last_error: string | null;
  next_attempt_at: number | null;
};

const REFRESH_MS = 5_000;

/** The deliveries to all endpoints, newest first. */
export function Deliveries({ endpoints }: { endpoints: { id: string; name: string }[] }) {
  const { t } = useTranslation();
  const client = useClient();
  const [status, setStatus] = useState<string | null>(null);
  const query = status === null ? {} : { status };
  const listed = useObjects<Delivery>('/threadmill/webhook_deliveries', query, 50, REFRESH_MS);
  const replay = useAction((id: string) =>
    client.post(`/threadmill/webhook_deliveries/${id}/replay`),
  );
  const names = new Map(endpoints.map(({ id, name }) => [id, name]));
  return (
    <>
      <Group justify="space-between">
        <Title order={2} size="h4">
          {t('webhook.deliveries')}
        </Title>
        <Select
          size="xs"
          aria-label={t('webhook.state')}
          placeholder={t('column.status')}
          clearable
          data={STATUSES.map((value) => ({ value, label: t(`status.${value}`) }))}
          value={status}
          onChange={setStatus}
        />
      </Group>
      <ObjectTable
        title={t('webhook.deliveries')}
        listed={listed}
        columns={[
          { name: 'event', cell: ({ event_type: type }) => type },
          { name: 'endpoint', cell: ({ endpoint_id: id }) => names.get(id) ?? id },
          { name: 'status', cell: (delivery) => <Status value={delivery.status} /> },
          { name: 'attempts', cell: ({ attempts }) => attempts },
          { name: 'answer', cell: (delivery) => answerOf(delivery) },
          { name: 'created_at', cell: ({ created_at: at }) => time(at) },
          { name: 'next', cell: ({ next_attempt_at: at }) => time(at) },
          {
            name: 'actions',
            cell: ({ id, status: state }) =>
              state !== 'pending' && (
                <Button size="compact-xs" variant="subtle" onClick={() => replay.mutate(id)}>
                  {t('webhook.replay')}
                </Button>
              ),
          },
        ]}
      />
    </>
  );
}

/** The status that the receiver answered last, or the reason why it did not answer. */
const answerOf = ({ last_status_code: code, last_error: error }: Delivery) =>
  [code, error].filter((part) => part !== null).join(': ') || '–';
