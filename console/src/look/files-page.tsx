import { Button, FileButton, Group, Progress } from '@mantine/core';
import type { FileObject } from 'openai/resources/files';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { bytes, time } from '../language/index.ts';
import { Id } from '../parts/fields.tsx';
import { ListPage, useObjects } from '../parts/list.tsx';
import { download, upload } from '../parts/upload.ts';
import { useAction } from '../parts/use-action.ts';
import { useSession } from '../session.tsx';

export function FilesPage() {
  const { t } = useTranslation();
  const { client, key } = useSession();
  const listed = useObjects<FileObject>('/files');
  const [progress, setProgress] = useState(0);
  const send = useAction(async (chosen: File[]) => {
    for (const file of chosen) await upload({ key, file, purpose: 'assistants' }, setProgress);
  });
  const remove = useAction((id: string) => client.files.delete(id));
  const fetch = useAction((id: string) => download(client, id));
  return (
    <ListPage
      title={t('shell.files')}
      listed={listed}
      actions={
        <FileButton multiple onChange={(chosen) => send.mutate(chosen)}>
          {(props) => (
            <Button {...props} size="xs" loading={send.isPending}>
              {t('file.upload')}
            </Button>
          )}
        </FileButton>
      }
      filters={
        send.isPending && <Progress value={progress * 100} aria-label={t('chat.uploading')} />
      }
      columns={[
        { name: 'name', cell: ({ filename }) => filename },
        { name: 'bytes', cell: ({ bytes: size }) => bytes(size) },
        { name: 'purpose', cell: ({ purpose }) => purpose },
        { name: 'id', cell: ({ id }) => <Id value={id} /> },
        { name: 'created_at', cell: ({ created_at: at }) => time(at) },
        {
          name: 'actions',
          cell: ({ id, purpose }) => (
            <Group gap={4} wrap="nowrap">
              {/* As hosted, these are for the model alone. */}
              {purpose !== 'assistants' && (
                <Button size="compact-xs" variant="subtle" onClick={() => fetch.mutate(id)}>
                  {t('file.download')}
                </Button>
              )}
              <Button
                size="compact-xs"
                variant="subtle"
                color="red"
                onClick={() => remove.mutate(id)}
              >
                {t('state.delete')}
              </Button>
            </Group>
          ),
        },
      ]}
    />
  );
}
