import { Button, FileButton } from '@mantine/core';
import type { Batch } from 'openai/resources/batches';
import { useTranslation } from 'react-i18next';

import { time } from '../language/index.ts';
import { To } from '../parts/fields.tsx';
import { ListPage, useObjects } from '../parts/list.tsx';
import { Status } from '../parts/states.tsx';
import { upload } from '../parts/upload.ts';
import { useAction } from '../parts/use-action.ts';
import { useSession } from '../session.tsx';

export function BatchesPage() {
  const { t } = useTranslation();
  const { client, key } = useSession();
  const listed = useObjects<Batch>('/batches');
  const submit = useAction(
    async (file: File) => {
      const { id } = await upload({ key, file, purpose: 'batch' }, () => undefined);
      return client.batches.create({
        input_file_id: id,
        // The client's types do not have this endpoint.
        endpoint: '/v1/threads/runs' as '/v1/responses',
        completion_window: '24h',
      });
    },
    ({ id }) => `/batches/${id}`,
  );
  return (
    <ListPage
      title={t('shell.batches')}
      listed={listed}
      actions={
        <FileButton accept=".jsonl" onChange={(file) => file !== null && submit.mutate(file)}>
          {(props) => (
            <Button {...props} size="xs" loading={submit.isPending}>
              {t('batch.new')}
            </Button>
          )}
        </FileButton>
      }
      columns={[
        { name: 'id', cell: ({ id }) => <To path={`/batches/${id}`}>{id}</To> },
        { name: 'status', cell: ({ status }) => <Status value={status} /> },
        { name: 'endpoint', cell: ({ endpoint }) => endpoint },
        {
          name: 'lines',
          cell: ({ request_counts: counts }) =>
            `${(counts?.completed ?? 0) + (counts?.failed ?? 0)} / ${counts?.total ?? 0}`,
        },
        { name: 'created_at', cell: ({ created_at: at }) => time(at) },
      ]}
    />
  );
}
