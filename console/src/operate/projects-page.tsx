/** Projects with their keys and limits. Only keys with the scope `admin` may read them. */
import { Button, Code, Group, Modal, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { time } from '../language/index.ts';
import { Id } from '../parts/fields.tsx';
import { JsonField } from '../parts/json-field.tsx';
import { ListPage, ObjectTable, useObjects } from '../parts/list.tsx';
import { Status } from '../parts/states.tsx';
import { useAction } from '../parts/use-action.ts';
import { useClient } from '../session.tsx';

type Project = {
  id: string;
  name: string;
  created_at: number;
  status: string;
  limits: Record<string, number | null>;
};
type Key = {
  id: string;
  name: string;
  redacted_value: string;
  scopes: string[];
  last_used_at: number | null;
  revoked_at: number | null;
};

export function ProjectsPage() {
  const { t } = useTranslation();
  const client = useClient();
  const listed = useObjects<Project>('/threadmill/projects');
  const [name, setName] = useState('');
  const [opened, setOpened] = useState<Project>();
  const add = useAction(() => client.post('/threadmill/projects', { body: { name } }));
  return (
    <>
      <ListPage
        title={t('shell.projects')}
        listed={listed}
        actions={
          <>
            <TextInput
              size="xs"
              aria-label={t('column.name')}
              placeholder={t('column.name')}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Button
              size="xs"
              disabled={name === ''}
              onClick={() => add.mutate(undefined, { onSuccess: () => setName('') })}
            >
              {t('project.new')}
            </Button>
          </>
        }
        columns={[
          { name: 'name', cell: ({ name: text }) => text },
          { name: 'status', cell: ({ status }) => <Status value={status} /> },
          { name: 'id', cell: ({ id }) => <Id value={id} /> },
          { name: 'created_at', cell: ({ created_at: at }) => time(at) },
          {
            name: 'actions',
            cell: (project) => (
              <Button size="compact-xs" variant="default" onClick={() => setOpened(project)}>
                {t('project.manage')}
              </Button>
            ),
          },
        ]}
      />
      <Modal
        size="xl"
        opened={opened !== undefined}
        onClose={() => setOpened(undefined)}
        title={opened?.name}
        closeButtonProps={{ 'aria-label': t('state.close') }}
      >
        {opened !== undefined && <Managed project={opened} />}
      </Modal>
    </>
  );
}

function Managed({ project }: { project: Project }) {
  const { t } = useTranslation();
  const client = useClient();
  const [limits, setLimits] = useState(JSON.stringify(project.limits, null, 2));
  const save = useAction(() =>
    client.post(`/threadmill/projects/${project.id}`, { body: { limits: JSON.parse(limits) } }),
  );
  return (
    <Stack>
      <JsonField label={t('project.limits')} value={limits} onChange={setLimits} />
      <Group>
        <Button size="xs" loading={save.isPending} onClick={() => save.mutate()}>
          {t('state.save')}
        </Button>
      </Group>
      <Keys project={project.id} />
    </Stack>
  );
}

function Keys({ project }: { project: string }) {
  const { t } = useTranslation();
  const client = useClient();
  const path = `/threadmill/projects/${project}/keys`;
  const listed = useObjects<Key>(path);
  const [name, setName] = useState('');
  const add = useAction(() => client.post<{ value: string }>(path, { body: { name } }));
  const revoke = useAction((id: string) => client.delete(`/threadmill/keys/${id}`));
  return (
    <>
      <Group align="end">
        <TextInput
          size="xs"
          label={t('project.key')}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Button size="xs" disabled={name === ''} onClick={() => add.mutate()}>
          {t('project.newKey')}
        </Button>
      </Group>
      {add.data !== undefined && (
        <>
          {t('project.once')} <Code block>{add.data.value}</Code>
        </>
      )}
      <ObjectTable
        title={t('project.key')}
        listed={listed}
        columns={[
          { name: 'name', cell: (key) => key.name },
          { name: 'key', cell: (key) => <Code>{key.redacted_value}</Code> },
          { name: 'scopes', cell: (key) => key.scopes.join(', ') },
          { name: 'last_used_at', cell: (key) => time(key.last_used_at) },
          {
            name: 'actions',
            cell: (key) =>
              key.revoked_at === null ? (
                <Button
                  size="compact-xs"
                  variant="subtle"
                  color="red"
                  onClick={() => revoke.mutate(key.id)}
                >
                  {t('project.revoke')}
                </Button>
              ) : (
                t('project.revoked')
              ),
          },
        ]}
      />
    </>
  );
}
