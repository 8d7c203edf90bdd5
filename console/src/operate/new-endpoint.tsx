import { Button, Checkbox, SimpleGrid, Stack, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useAction } from '../parts/use-action.ts';
import { useClient } from '../session.tsx';

type EventType = 'batch.completed';

/** The form of an endpoint. Only the answer to its creation has the secret. */
export function NewEndpoint({ onMade }: { onMade: (secret: string) => void }) {
  const { t } = useTranslation();
  const client = useClient();
  const { data } = useQuery({
    queryKey: ['webhook-event-types'],
    queryFn: async () => (await client.webhooks.eventTypes.list()).data,
  });
  const [name, setName] = useState('');
  const [url, setUrl] = useState('');
  const [types, setTypes] = useState<string[]>([]);
  const add = useAction(async () => {
    // The client's types name the events of the hosted service only.
    const made = await client.webhooks.create({ name, url, event_types: types as EventType[] });
    onMade(made.signing_secret);
  });
  return (
    <Stack>
      <TextInput
        label={t('column.name')}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <TextInput
        label={t('column.url')}
        placeholder="https://shop.example.com/hooks"
        value={url}
        onChange={(event) => setUrl(event.currentTarget.value)}
      />
      <Checkbox.Group label={t('column.events')} value={types} onChange={setTypes}>
        <SimpleGrid cols={{ base: 1, sm: 2 }} mt="xs" spacing="xs">
          {data?.map((type) => (
            <Checkbox key={type} value={type} label={type} />
          ))}
        </SimpleGrid>
      </Checkbox.Group>
      <Button
        disabled={name === '' || url === '' || types.length === 0}
        loading={add.isPending}
        onClick={() => add.mutate()}
      >
        {t('state.save')}
      </Button>
    </Stack>
  );
}
