/** The place of a file that a message cites. */
import { Code, Drawer, Group, Stack, Text } from '@mantine/core';
import type { Annotation } from 'openai/resources/beta/threads/messages';
import { useTranslation } from 'react-i18next';

import { Failure, Waiting } from '../parts/states.tsx';
import { useSteps } from './use-steps.ts';

export type Cited = { annotation: Annotation; threadId: string; runId: string | null };

export function Citation({ cited, onClose }: { cited: Cited | undefined; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Drawer
      opened={cited !== undefined}
      onClose={onClose}
      position="right"
      title={t('chat.source')}
      closeButtonProps={{ 'aria-label': t('state.close') }}
    >
      {cited !== undefined && <Chunks cited={cited} />}
    </Drawer>
  );
}

function Chunks({ cited: { annotation, threadId, runId } }: { cited: Cited }) {
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
          <Text style={{ whiteSpace: 'pre-wrap' }}>
            {content?.map(({ text }) => text).join('\n')}
          </Text>
        </article>
      ))}
    </Stack>
  );
}
