/** The parts of the prompt that the model got, and the messages that were left out, with the reasons. */
import { Accordion, Group, Progress, Stack, Text, Title } from '@mantine/core';
import type { MessageContent } from 'openai/resources/beta/threads/messages';
import { useTranslation } from 'react-i18next';

import { Id } from '../parts/fields.tsx';
import { Source } from '../parts/markdown.tsx';
import { Rows } from '../parts/rows.tsx';
import { PARTS } from './use-explanation.ts';
import type { Explanation, Part, Sent } from './use-explanation.ts';

const COLOURS: Record<Part, string> = {
  instructions: 'grape',
  tools: 'indigo',
  tool_calls: 'cyan',
  tool_outputs: 'teal',
  messages: 'blue',
};

export function Prompt({ explained }: { explained: Explanation }) {
  const { t } = useTranslation();
  const sent = explained.turns.flatMap(({ turn, request }) =>
    request === null ? [] : [{ turn, request }],
  );
  if (sent.length === 0) return null;
  return (
    <Stack gap="sm" component="section" aria-label={t('run.prompt')}>
      <Title order={2} size="h4">
        {t('run.prompt')}
      </Title>
      {sent.map(({ turn, request }) => (
        <Request key={turn} turn={turn} request={request} />
      ))}
      <Dropped dropped={explained.dropped_messages} />
      {explained.content !== undefined && <Content content={explained.content} />}
    </Stack>
  );
}

function Request({ turn, request }: { turn: number; request: Sent }) {
  const { t } = useTranslation();
  const { tokens, kept, cut, limited_by: limit } = request;
  const used = PARTS.filter((part) => tokens[part] > 0);
  return (
    <div>
      <Text size="sm" fw={600}>
        {t('span.model', { turn: turn + 1 })}
      </Text>
      <Progress.Root size="lg" aria-hidden>
        {used.map((part) => (
          <Progress.Section
            key={part}
            value={(tokens[part] / Math.max(1, tokens.room)) * 100}
            color={COLOURS[part]}
          />
        ))}
      </Progress.Root>
      <Group gap="md">
        {used.map((part) => (
          <Text key={part} size="sm">
            {t(`part.${part}`)}: {tokens[part].toLocaleString()}
          </Text>
        ))}
      </Group>
      <Text size="sm" c="dimmed">
        {t('run.room', { number: tokens.room.toLocaleString(), limit: t(`drop.${limit}`) })}{' '}
        {t('run.kept', { ranges: kept.map(([from, to]) => rangeOf(from, to)).join(', ') })}{' '}
        {cut.length > 0 && t('run.cut', { numbers: cut.join(', ') })}
      </Text>
    </div>
  );
}

const rangeOf = (from: number, to: number) => (from === to ? String(from) : `${from}–${to}`);

function Dropped({ dropped }: { dropped: Explanation['dropped_messages'] }) {
  const { t } = useTranslation();
  if (dropped === null) return <Text size="sm">{t('run.notKnown')}</Text>;
  if (dropped.count === 0) return <Text size="sm">{t('run.nothingDropped')}</Text>;
  return (
    <>
      <Text size="sm">{t('run.dropped', { count: dropped.count })}</Text>
      <Rows
        title={t('run.leftOut')}
        rows={dropped.messages}
        keyOf={({ id }) => id}
        columns={[
          { name: 'message', cell: ({ id }) => <Id value={id} /> },
          { name: 'tokens', cell: ({ tokens }) => tokens.toLocaleString() },
          { name: 'reason', cell: ({ reason }) => t(`drop.${reason}`) },
        ]}
      />
    </>
  );
}

function Content({ content }: { content: NonNullable<Explanation['content']> }) {
  const { t } = useTranslation();
  const { instructions, tools, messages } = content;
  const shown = [
    ...(instructions ? [{ title: t('part.instructions'), text: instructions, language: '' }] : []),
    ...(tools.length > 0
      ? [{ title: t('part.tools'), text: JSON.stringify(tools, null, 2), language: 'json' }]
      : []),
    ...messages.toReversed().map(({ number, role, content: parts }) => ({
      title: `${number} · ${t(role === 'user' ? 'chat.you' : 'chat.assistant')}`,
      text: wordsOf(parts),
      language: '',
    })),
  ];
  return (
    <Accordion variant="contained" multiple order={3}>
      {shown.map(({ title, text, language }) => (
        <Accordion.Item key={title} value={title}>
          <Accordion.Control>
            <Text size="sm" lineClamp={1}>
              {title}
            </Text>
          </Accordion.Control>
          <Accordion.Panel>
            <Source language={language} text={text} />
          </Accordion.Panel>
        </Accordion.Item>
      ))}
    </Accordion>
  );
}

function wordsOf(parts: MessageContent[]): string {
  return parts
    .map((part) => (part.type === 'text' ? part.text.value : `[${part.type}]`))
    .join('\n');
}
