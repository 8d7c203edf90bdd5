/** Searches a store as `file_search` does, and shows each chunk that was found with its score. */
import {
  Button,
  Code,
  Drawer,
  Group,
  Paper,
  Progress,
  Stack,
  Text,
  TextInput,
} from '@mantine/core';
import type { VectorStoreSearchResponse } from 'openai/resources/vector-stores/vector-stores';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { FileText } from '../parts/file-text.tsx';
import { useClient } from '../session.tsx';
import { useAction } from '../parts/use-action.ts';

export function StoreSearch({ id }: { id: string }) {
  const { t } = useTranslation();
  const client = useClient();
  const [query, setQuery] = useState('');
  const [opened, setOpened] = useState<Found>();
  const search = useAction(() =>
    client.post<Page>(`/vector_stores/${id}/search`, { body: { query } }),
  );
  const { reason } = search.data?.['x-threadmill'] ?? {};
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
      {reason !== undefined && (
        <Text size="sm" c="dimmed">
          {t('store.wordsOnly')} {reason}
        </Text>
      )}
      {search.data?.data.length === 0 && <Text c="dimmed">{t('state.empty')}</Text>}
      {search.data?.data.map((result, place) => (
        <Result key={place} result={result} onOpen={() => setOpened(result)} />
      ))}
      <Drawer
        opened={opened !== undefined}
        onClose={() => setOpened(undefined)}
        position="right"
        size="lg"
        title={opened?.filename}
        closeButtonProps={{ 'aria-label': t('state.close') }}
      >
        {opened !== undefined && (
          <FileText storeId={id} fileId={opened.file_id} chunk={wordsOf(opened)} said={query} />
        )}
      </Drawer>
    </Stack>
  );
}

type Scores = { vector?: number; lexical?: number; fused?: number };
type Found = VectorStoreSearchResponse & {
  'x-threadmill': {
    chunk: number;
    page: number | null;
    headings: string[];
    scores: Scores;
  };
};
type Page = { data: Found[]; 'x-threadmill': { mode: string; reason?: string } };

const MEASURES = ['lexical', 'vector', 'fused'] as const;

type Props = { result: Found; onOpen: () => void };

function Result({ result, onOpen }: Props) {
  const { t } = useTranslation();
  const { filename, score, 'x-threadmill': place } = result;
  return (
    <Paper withBorder p="sm" component="article">
      <Group gap="xs">
        <Text fw={600}>{filename}</Text>
        <Code>{score.toFixed(3)}</Code>
        <Text size="sm" c="dimmed">
          {t('store.place', { number: place.chunk + 1 })}
          {place.page !== null && ` · ${t('store.page', { number: place.page })}`}
        </Text>
        <Button size="compact-xs" variant="subtle" onClick={onOpen}>
          {t('store.open')}
        </Button>
      </Group>
      {MEASURES.filter((name) => place.scores[name] !== undefined).map((name) => (
        <Group key={name} gap="xs" wrap="nowrap">
          <Text size="xs" w={90}>
            {t(`score.${name}`)}
          </Text>
          <Progress flex={1} maw={240} value={place.scores[name]! * 100} aria-hidden />
          <Text size="xs">{place.scores[name]!.toFixed(3)}</Text>
        </Group>
      ))}
      {place.headings.length > 0 && <Text size="sm">{place.headings.join(' › ')}</Text>}
      <Text size="sm" style={{ whiteSpace: 'pre-wrap' }} lineClamp={8}>
        {wordsOf(result)}
      </Text>
    </Paper>
  );
}

const wordsOf = ({ content }: Found) => content.map(({ text }) => text).join('\n');
