import { Button } from '@mantine/core';
import type { VectorStore } from 'openai/resources/vector-stores/vector-stores';
import { useTranslation } from 'react-i18next';

import { bytes, time } from '../language/index.ts';
import { Id, To } from '../parts/fields.tsx';
import { ListPage, useObjects } from '../parts/list.tsx';
import { Status } from '../parts/states.tsx';
import { useAction } from '../parts/use-action.ts';
import { useClient } from '../session.tsx';

export function StoresPage() {
  const { t } = useTranslation();
  const client = useClient();
  const listed = useObjects<VectorStore>('/vector_stores');
  const add = useAction(
    () => client.vectorStores.create({}),
    ({ id }) => `/vector-stores/${id}`,
  );
  return (
    <ListPage
      title={t('shell.vector-stores')}
      listed={listed}
      actions={
        <Button size="xs" onClick={() => add.mutate()}>
          {t('store.new')}
        </Button>
      }
      columns={[
        {
          name: 'name',
          cell: ({ id, name }) => (
            <To path={`/vector-stores/${id}`}>{name || t('field.unnamed')}</To>
          ),
        },
        { name: 'status', cell: ({ status }) => <Status value={status} /> },
        { name: 'files', cell: ({ file_counts: { total } }) => total },
        { name: 'bytes', cell: ({ usage_bytes: size }) => bytes(size) },
        { name: 'id', cell: ({ id }) => <Id value={id} /> },
        { name: 'created_at', cell: ({ created_at: at }) => time(at) },
      ]}
    />
  );
}
