/** Searches a store as `file_search` does, and shows what it found and how well it fits. */
import { Button, Code, Group, Paper, Stack, Text, TextInput } from '@mantine/core';
import type { VectorStoreSearchResponse } from 'openai/resources/vector-stores/vector-stores';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useClient } from '../session.tsx';
import { useAction } from '../parts/use-action.ts';

export function StoreSearch({ id }: { id: string }) {
  const { t } = useTranslation();
  const client = useClient();
  const [query, setQuery] = useState('');
  const search = useAction(async () => (await client.vectorStores.search(id, { query })).data);
  return (
    <Stack gap="xs" role="search">
      <Group
        component="form"
        align="end"
        onSubmit={(event) => {
          event.preventDefault();
          search.mutate();
        }}
      >
        <TextInput
          flex={1}
          label={t('store.search')}
          value={query}
          onChange={(event) => setQuery(event.currentTarget.value)}
        />
        <Button type="submit" loading={search.isPending} disabled={query === ''}>
          {t('store.search')}
        </Button>
      </Group>
      {search.data?.length === 0 && <Text c="dimmed">{t('state.empty')}</Text>}
      {search.data?.map((result, place) => (
        <Result key={place} result={result} />
      ))}
    </Stack>
  );
}

function Result({ result: { filename, score, content } }: { result: VectorStoreSearchResponse }) {
  return (
    <Paper withBorder p="sm">
      <Group gap="xs">
        <Text fw={600}>{filename}</Text>
        <Code>{score.toFixed(3)}</Code>
      </Group>
      <Text size="sm" style={{ whiteSpace: 'pre-wrap' }}>
        {content.map(({ text }) => text).join('\n')}
      </Text>
    </Paper>
  );
}
