/** One batch: its progress and its controls. */
import { Alert, Button, Group, NumberInput, Progress, Stack, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Batch } from 'openai/resources/batches';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';

import { time } from '../language/index.ts';
import { Fields, Id } from '../parts/fields.tsx';
import { Failure, Status, Waiting } from '../parts/states.tsx';
import { download } from '../parts/upload.ts';
import { useAction } from '../parts/use-action.ts';
import { useClient } from '../session.tsx';

type Settings = { window: number; priority: number; paused: boolean; on_requires_action: string };
type Shown = Batch & { 'x-threadmill': Settings };

const OPEN = ['validating', 'in_progress', 'finalizing', 'cancelling'];
const REFRESH_MS = 2_000;

export function BatchPage() {
  const { batchId = '' } = useParams();
  const client = useClient();
  const { data, error, isPending } = useQuery({
    queryKey: ['batch', batchId],
    queryFn: async () => (await client.batches.retrieve(batchId)) as Shown,
    refetchInterval: ({ state }) => (OPEN.includes(state.data?.status ?? '') ? REFRESH_MS : false),
  });
  if (error !== null) return <Failure error={error} />;
  if (isPending) return <Waiting />;
  return (
    <Stack>
      <Heading batch={data} />
      <Counts batch={data} />
      <BatchFields batch={data} />
      {data.errors?.data?.map(({ line, code, message }, place) => (
        <Alert key={place} color="red" title={code}>
          {line}: {message}
        </Alert>
      ))}
    </Stack>
  );
}

function Heading({ batch }: { batch: Shown }) {
  const { t } = useTranslation();
  const client = useClient();
  const { paused, window } = batch['x-threadmill'];
  const [wanted, setWanted] = useState<number | string>(window);
  const change = useAction((settings: Partial<Settings>) =>
    client.post(`/batches/${batch.id}`, { body: { 'x-threadmill': settings } }),
  );
  const cancel = useAction(() => client.batches.cancel(batch.id));
  return (
    <Group justify="space-between" align="end">
      <Group gap="xs">
        <Title order={1} size="h3">
          {t('column.batch')}
        </Title>
        <Status value={paused ? 'paused' : batch.status} />
      </Group>
      {OPEN.includes(batch.status) && (
        <Group gap="xs" align="end">
          <NumberInput
            size="xs"
            w={110}
            label={t('batch.window')}
            min={1}
            max={1_000}
            value={wanted}
            onChange={setWanted}
            onBlur={() => wanted !== window && change.mutate({ window: Number(wanted) })}
          />
          <Button size="xs" variant="default" onClick={() => change.mutate({ paused: !paused })}>
            {t(paused ? 'batch.resume' : 'batch.pause')}
          </Button>
          <Button size="xs" color="red" variant="light" onClick={() => cancel.mutate()}>
            {t('state.cancel')}
          </Button>
        </Group>
      )}
    </Group>
  );
}

function Counts({ batch: { request_counts: counts } }: { batch: Shown }) {
  const { t } = useTranslation();
  const { total = 0, completed = 0, failed = 0 } = counts ?? {};
  const part = (count: number) => (count / Math.max(1, total)) * 100;
  const label = t('batch.progress', { done: completed + failed, total, failed });
  return (
    <>
      <Progress.Root size="lg">
        <Progress.Section value={part(completed)} color="teal" aria-label={label} />
        <Progress.Section value={part(failed)} color="red" aria-hidden />
      </Progress.Root>
      {label}
    </>
  );
}

function BatchFields({ batch }: { batch: Shown }) {
  const { t } = useTranslation();
  const client = useClient();
  const fetch = useAction((id: string) => download(client, id));
  const file = (id: string | null | undefined) =>
    id && (
      <Button size="compact-xs" variant="default" onClick={() => fetch.mutate(id)}>
        {t('file.download')}
      </Button>
    );
  return (
    <Fields
      values={{
        id: <Id value={batch.id} />,
        endpoint: batch.endpoint,
        created_at: time(batch.created_at),
        expires_at: time(batch.expires_at),
        tokens: batch.usage?.total_tokens.toLocaleString(),
        output: file(batch.output_file_id),
        errors: file(batch.error_file_id),
      }}
    />
  );
}
