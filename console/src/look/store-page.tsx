/** One vector store: its files, and a search of it. */
import { Button, FileButton, Group, Stack, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { VectorStoreFile } from 'openai/resources/vector-stores/files';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';

import { bytes } from '../language/index.ts';
import { Id } from '../parts/fields.tsx';
import { ObjectTable, useObjects } from '../parts/list.tsx';
import { Failure, Status, Waiting } from '../parts/states.tsx';
import { upload } from '../parts/upload.ts';
import { useAction } from '../parts/use-action.ts';
import { useClient, useSession } from '../session.tsx';
import { StoreSearch } from './store-search.tsx';

export function StorePage() {
  const { storeId = '' } = useParams();
  const client = useClient();
  const { data, error, isPending } = useQuery({
    queryKey: ['store', storeId],
    queryFn: () => client.vectorStores.retrieve(storeId),
    refetchInterval: ({ state }) => (state.data?.status === 'in_progress' ? 1_000 : false),
  });
  if (error !== null) return <Failure error={error} />;
  if (isPending) return <Waiting />;
  return (
    <Stack>
      <StoreName key={data.name} id={storeId} name={data.name} />
      <Group gap="xs">
        <Status value={data.status} />
        <Id value={storeId} />
        {bytes(data.usage_bytes)}
      </Group>
      <StoreSearch id={storeId} />
      <StoreFiles id={storeId} />
    </Stack>
  );
}

function StoreName({ id, name }: { id: string; name: string }) {
  const { t } = useTranslation();
  const client = useClient();
  const [text, setText] = useState(name);
  const save = useAction(() => client.vectorStores.update(id, { name: text }));
  const remove = useAction(
    () => client.vectorStores.delete(id),
    () => '/vector-stores',
  );
  return (
    <Group justify="space-between" align="end">
      <Title order={1} size="h3">
        {name || t('field.unnamed')}
      </Title>
      <Group gap="xs" align="end">
        <TextInput
          size="xs"
          aria-label={t('column.name')}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Button size="xs" variant="default" disabled={text === name} onClick={() => save.mutate()}>
          {t('state.save')}
        </Button>
        <Button size="xs" color="red" variant="light" onClick={() => remove.mutate()}>
          {t('state.delete')}
        </Button>
      </Group>
    </Group>
  );
}

function StoreFiles({ id }: { id: string }) {
  const { t } = useTranslation();
  const { client, key } = useSession();
  const listed = useObjects<VectorStoreFile>(`/vector_stores/${id}/files`);
  const add = useAction(async (chosen: File[]) => {
    for (const file of chosen) {
      const { id: file_id } = await upload({ key, file, purpose: 'assistants' }, () => undefined);
      await client.vectorStores.files.create(id, { file_id });
    }
  });
  const remove = useAction((file: string) =>
    client.vectorStores.files.delete(file, { vector_store_id: id }),
  );
  return (
    <>
      <Group justify="space-between">
        <Title order={2} size="h4">
          {t('shell.files')}
        </Title>
        <FileButton multiple onChange={(chosen) => add.mutate(chosen)}>
          {(props) => (
            <Button {...props} size="xs" loading={add.isPending}>
              {t('file.upload')}
            </Button>
          )}
        </FileButton>
      </Group>
      <ObjectTable
        title={t('shell.files')}
        listed={listed}
        columns={[
          { name: 'id', cell: ({ id: file }) => <Id value={file} /> },
          { name: 'status', cell: ({ status }) => <Status value={status} /> },
          { name: 'error', cell: ({ last_error: failure }) => failure?.message ?? '–' },
          { name: 'bytes', cell: ({ usage_bytes: size }) => bytes(size) },
          {
            name: 'actions',
            cell: ({ id: file }) => (
              <Button
                size="compact-xs"
                variant="subtle"
                color="red"
                onClick={() => remove.mutate(file)}
              >
                {t('store.remove')}
              </Button>
            ),
          },
        ]}
      />
    </>
  );
}
