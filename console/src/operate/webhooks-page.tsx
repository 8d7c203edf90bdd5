/** Webhooks: the endpoints of the project, and the deliveries to them. */
import { Button, Code, CopyButton, Group, Modal, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import type { WebhookEndpoint, WebhookUpdateParams } from 'openai/resources/webhooks';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { ListPage, useObjects } from '../parts/list.tsx';
import { Status } from '../parts/states.tsx';
import { useAction } from '../parts/use-action.ts';
import { useClient } from '../session.tsx';
import { NewEndpoint } from './new-endpoint.tsx';
import { Deliveries } from './webhook-deliveries.tsx';

type Endpoint = WebhookEndpoint & { status: 'enabled' | 'disabled' };

export function WebhooksPage() {
  const { t } = useTranslation();
  const listed = useObjects<Endpoint>('/webhook_endpoints');
  // Without a secret: the form of a new endpoint.
  const [dialog, setDialog] = useState<{ secret?: string }>();
  const showSecret = (secret: string) => setDialog({ secret });
  const isForm = dialog?.secret === undefined;
  return (
    <Stack>
      <ListPage
        title={t('shell.webhooks')}
        listed={listed}
        actions={
          <Button size="xs" onClick={() => setDialog({})}>
            {t('webhook.new')}
          </Button>
        }
        columns={[
          { name: 'name', cell: ({ name }) => name },
          { name: 'url', cell: ({ url }) => url },
          { name: 'events', cell: ({ event_types: types }) => types.join(', ') },
          { name: 'status', cell: ({ status }) => <Status value={status} /> },
          {
            name: 'actions',
            cell: (endpoint) => <Actions endpoint={endpoint} onSecret={showSecret} />,
          },
        ]}
      />
      <Deliveries endpoints={listed.objects} />
      <Modal
        size="lg"
        opened={dialog !== undefined}
        onClose={() => setDialog(undefined)}
        title={t(isForm ? 'webhook.new' : 'webhook.secret')}
        closeButtonProps={{ 'aria-label': t('state.close') }}
      >
        {isForm ? <NewEndpoint onMade={showSecret} /> : <Secret value={dialog.secret!} />}
      </Modal>
    </Stack>
  );
}

type ActionsProps = { endpoint: Endpoint; onSecret: (secret: string) => void };

function Actions({ endpoint, onSecret }: ActionsProps) {
  const { t } = useTranslation();
  const client = useClient();
  const { id, event_types: types, status } = endpoint;
  const change = useAction(() => {
    // The client's types do not have the status.
    const body = { status: status === 'enabled' ? 'disabled' : 'enabled' };
    return client.webhooks.update(id, body as WebhookUpdateParams);
  });
  const test = useAction(async () => {
    const sent = await client.webhooks.test(id, { event_type: types[0] as 'batch.completed' });
    notifications.show({ message: t('webhook.tested', { status: sent.status_code }) });
  });
  const rotate = useAction(async () => {
    const kept = { keep_old_secret_active_for_24_hours: true };
    onSecret((await client.webhooks.rotateSecret(id, kept)).signing_secret);
  });
  const remove = useAction(() => client.webhooks.delete(id));
  const actions = {
    'webhook.test': test,
    [status === 'enabled' ? 'webhook.disable' : 'webhook.enable']: change,
    'webhook.rotate': rotate,
    'state.delete': remove,
  };
  return (
    <Group gap={4} wrap="nowrap">
      {Object.entries(actions).map(([name, { mutate, isPending }]) => (
        <Button
          key={name}
          size="compact-xs"
          variant="subtle"
          color={name === 'state.delete' ? 'red' : undefined}
          loading={isPending}
          onClick={() => mutate()}
        >
          {t(name)}
        </Button>
      ))}
    </Group>
  );
}

function Secret({ value }: { value: string }) {
  const { t } = useTranslation();
  return (
    <Stack>
      <Text>{t('webhook.once')}</Text>
      <Code block>{value}</Code>
      <CopyButton value={value}>
        {({ copied, copy }) => (
          <Button autoFocus onClick={copy}>
            {t(copied ? 'field.copied' : 'webhook.copy')}
          </Button>
        )}
      </CopyButton>
    </Stack>
  );
}
