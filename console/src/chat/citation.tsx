/** The place of a file that a message cites. */
import { Code, Drawer, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Annotation } from 'openai/resources/beta/threads/messages';
import { useTranslation } from 'react-i18next';

import { Chunk, FileText } from '../parts/file-text.tsx';
import { Failure, Waiting } from '../parts/states.tsx';
import { useClient } from '../session.tsx';
import { useSteps } from './use-steps.ts';

export type Cited = {
  annotation: Annotation;
  threadId: string;
  runId: string | null;
  assistantId: string | null;
  /** The text before the citation. */
  said: string;
};

export function Citation({ cited, onClose }: { cited: Cited | undefined; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Drawer
      opened={cited !== undefined}
      onClose={onClose}
      position="right"
      size="lg"
      title={t('chat.source')}
      closeButtonProps={{ 'aria-label': t('state.close') }}
    >
      {cited !== undefined && <Chunks cited={cited} />}
    </Drawer>
  );
}

function Chunks({ cited }: { cited: Cited }) {
  const { annotation, threadId, runId } = cited;
  const { data, error, isPending } = useSteps(threadId, runId ?? '', runId !== null);
  const { t } = useTranslation();
  if (error !== null) return <Failure error={error} />;
  if (isPending) return <Waiting />;
  if (annotation.type !== 'file_citation') return null;
  const fileId = annotation.file_citation.file_id;
  const found = data.flatMap(({ step_details: details }) =>
    details.type === 'tool_calls'
      ? details.tool_calls.map((call) =>
          call.type === 'file_search' ? (call.file_search.results ?? []) : [],
        )
      : [],
  );
  // 【call:result†name】, of one of the calls.
  const place = Number(/^【\d+:(\d+)†/.exec(annotation.text)?.[1]);
  const ofFile = found.flat().filter(({ file_id: id }) => id === fileId);
  const exact = found.map((results) => results[place]).filter((one) => one?.file_id === fileId);
  const shown = exact.length === 1 ? [exact[0]!] : ofFile;
  if (shown.length === 0) return <Text>{t('chat.noSource')}</Text>;
  return (
    <Stack>
      {shown.map(({ file_name: name, score, content }, index) => (
        <article key={index}>
          <Group gap="xs">
            <Text fw={600}>{name}</Text>
            <Code>{score.toFixed(3)}</Code>
          </Group>
          <Place
            cited={cited}
            fileId={fileId}
            chunk={content?.map(({ text }) => text).join('\n') ?? ''}
          />
        </article>
      ))}
    </Stack>
  );
}

type PlaceProps = { cited: Cited; fileId: string; chunk: string };

/** Shows the passage in its file, if a store that the run may have searched still has the file. */
function Place({ cited, fileId, chunk }: PlaceProps) {
  const { data: storeId, isPending } = useStoreOf(cited, fileId);
  if (isPending) return <Waiting />;
  if (storeId) {
    return <FileText storeId={storeId} fileId={fileId} chunk={chunk} said={cited.said} />;
  }
  return (
    <Text size="sm" style={{ whiteSpace: 'pre-wrap' }}>
      <Chunk text={chunk} said={cited.said} />
    </Text>
  );
}

function useStoreOf({ threadId, assistantId }: Cited, fileId: string) {
  const client = useClient();
  return useQuery({
    queryKey: ['store-of', threadId, assistantId, fileId],
    queryFn: async () => {
      const { assistants, threads } = client.beta;
      const owners = await Promise.all([
        threads.retrieve(threadId),
        assistantId && assistants.retrieve(assistantId).catch(() => null),
      ]);
      const stores = owners.flatMap(
        (owner) => (owner && owner.tool_resources?.file_search?.vector_store_ids) || [],
      );
      for (const store of stores) {
        const { data } = await client.vectorStores.files.list(store, { limit: 100 });
        if (data.some(({ id }) => id === fileId)) return store;
      }
      return null;
    },
  });
}
