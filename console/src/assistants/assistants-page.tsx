import { Button, Group } from '@mantine/core';
import type { Assistant } from 'openai/resources/beta/assistants';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { time } from '../language/index.ts';
import { Id, Metadata, To } from '../parts/fields.tsx';
import { ListPage, useObjects } from '../parts/list.tsx';

export function AssistantsPage() {
  const { t } = useTranslation();
  const listed = useObjects<Assistant>('/assistants');
  return (
    <ListPage
      title={t('shell.assistants')}
      listed={listed}
      actions={
        <Button component={Link} to="/assistants/new" size="xs">
          {t('assistant.new')}
        </Button>
      }
      columns={[
        {
          name: 'name',
          cell: ({ id, name }) => <To path={`/assistants/${id}`}>{name ?? t('field.unnamed')}</To>,
        },
        { name: 'model', cell: ({ model }) => model },
        {
          name: 'tools',
          cell: ({ tools }) => (
            <Group gap={4}>
              {tools
                .map((tool) =>
                  tool.type === 'function' ? tool.function.name : t(`tool.${tool.type}`),
                )
                .join(', ')}
            </Group>
          ),
        },
        { name: 'id', cell: ({ id }) => <Id value={id} /> },
        { name: 'metadata', cell: ({ metadata }) => <Metadata value={metadata as never} /> },
        { name: 'created_at', cell: ({ created_at: at }) => time(at) },
      ]}
    />
  );
}
