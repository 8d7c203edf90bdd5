import { Progress, Table, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { duration } from '../language/index.ts';
import type { Span } from './spans.ts';

const COLOURS: Record<Span['kind'], string> = {
  queue: 'gray',
  model: 'blue',
  lost: 'red',
  tools: 'teal',
  pause: 'grape',
};

export function Timeline({ spans }: { spans: Span[] }) {
  const { t } = useTranslation();
  const begin = Math.min(...spans.map(({ from }) => from));
  const whole = Math.max(1, ...spans.map(({ to }) => to - begin));
  const part = (milliseconds: number) => (milliseconds / whole) * 100;
  return (
    <>
      <Title order={2} size="h4">
        {t('run.timeline')}
      </Title>
      <Table.ScrollContainer minWidth={520} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
        <Table aria-label={t('run.timeline')}>
          <Table.Tbody>
            {spans.map((span, place) => (
              <Table.Tr key={place}>
                <Table.Th w={170} fw={500}>
                  {t(`span.${span.kind}`, { turn: (span.turn ?? 0) + 1 })}
                </Table.Th>
                <Table.Td miw={140}>
                  <Progress.Root aria-hidden>
                    <Progress.Section
                      value={Math.min(99, part(span.from - begin))}
                      color="transparent"
                    />
                    <Progress.Section
                      value={Math.max(1, part(span.to - span.from))}
                      color={COLOURS[span.kind]}
                    />
                  </Progress.Root>
                </Table.Td>
                <Table.Td w={90}>
                  <Text size="sm">{duration(span.to - span.from)}</Text>
                </Table.Td>
                <Table.Td w={200}>
                  <Note span={span} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </>
  );
}

function Note({ span: { tokens, error } }: { span: Span }) {
  const { t } = useTranslation();
  if (error !== undefined) {
    return (
      <Text size="sm">
        {t(`lost.${error.error}`)} {error.status}
      </Text>
    );
  }
  if (!tokens) return null;
  return (
    <Text size="sm" c="dimmed">
      {t('run.tokens', { in: tokens.prompt_tokens, out: tokens.completion_tokens })}
    </Text>
  );
}
