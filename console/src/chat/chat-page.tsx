/** A conversation with an assistant: on a new thread, or on one that exists. */
import { Box, Button, Group, Select, Stack, Text, Title } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import type { Assistant } from 'openai/resources/beta/assistants';
import type { MessageCreateParams } from 'openai/resources/beta/threads/messages';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate, useParams } from 'react-router';

import { useObjects } from '../parts/list.tsx';
import { Failure, Waiting } from '../parts/states.tsx';
import { useAction } from '../parts/use-action.ts';
import { useClient } from '../session.tsx';
import { Citation } from './citation.tsx';
import type { Cited } from './citation.tsx';
import { Composer } from './composer.tsx';
import type { Draft } from './composer.tsx';
import { Conversation } from './conversation.tsx';
import { isActive, isOpen } from './live-run.ts';
import { ToolAnswers } from './tool-answers.tsx';
import { useLiveRun } from './use-live-run.ts';
import { useMessages } from './use-messages.ts';

export function ChatPage() {
  const { threadId } = useParams();
  const live = useLiveRun(threadId);
  const messages = useMessages(threadId, live);
  const [cited, setCited] = useState<Cited>();
  const [assistant, setAssistant] = useAssistantChoice();
  const send = useSend(threadId, assistant);
  const client = useClient();
  const stop = useAction(() =>
    client.beta.threads.runs.cancel(live.run!.id, { thread_id: live.run!.thread_id }),
  );
  return (
    <Stack h="calc(100dvh - 56px - 2 * var(--mantine-spacing-md))" gap="xs">
      <Top assistant={assistant} onChange={setAssistant} />
      <Box flex={1} mih={0}>
        {threadId === undefined && <Start />}
        {messages.isError && <Failure error={messages.error} />}
        {threadId !== undefined && messages.isPending && <Waiting />}
        {messages.isSuccess && (
          <Conversation
            threadId={threadId!}
            items={messages.items}
            live={live}
            onCite={setCited}
            onEarlier={
              messages.hasNextPage && !messages.isFetching
                ? () => void messages.fetchNextPage()
                : undefined
            }
          />
        )}
      </Box>
      {live.run?.status === 'requires_action' && <ToolAnswers key={live.run.id} run={live.run} />}
      <Composer
        busy={isOpen(live.run?.status) && (isActive(live.run?.status) || stop.isPending)}
        ready={assistant !== null}
        onSend={send}
        onStop={() => stop.mutate()}
      />
      <Citation cited={cited} onClose={() => setCited(undefined)} />
    </Stack>
  );
}

function useAssistantChoice() {
  return useLocalStorage<string | null>({ key: 'threadmill.assistant', defaultValue: null });
}

type TopProps = { assistant: string | null; onChange: (id: string | null) => void };

function Top({ assistant, onChange }: TopProps) {
  const { t } = useTranslation();
  const { objects } = useObjects<Assistant>('/assistants', {}, 100);
  const known = objects.some(({ id }) => id === assistant);
  return (
    <Group justify="space-between">
      <Title order={1} size="h4">
        {t('shell.chat')}
      </Title>
      <Group gap="xs">
        <Select
          aria-label={t('chat.assistant')}
          placeholder={t('chat.choose')}
          searchable
          data={objects.map(({ id, name }) => ({ value: id, label: name ?? id }))}
          value={known ? assistant : null}
          onChange={onChange}
        />
        <Button component={Link} to="/assistants/new" variant="default" size="xs">
          {t('assistant.new')}
        </Button>
        <Button component={Link} to="/chat" variant="default" size="xs">
          {t('chat.new')}
        </Button>
      </Group>
    </Group>
  );
}

function Start() {
  const { t } = useTranslation();
  return (
    <Text c="dimmed" ta="center" pt="20vh">
      {t('chat.start')}
    </Text>
  );
}

function useSend(threadId: string | undefined, assistant: string | null) {
  const client = useClient();
  const navigate = useNavigate();
  return async (draft: Draft) => {
    const { threads } = client.beta;
    const message = messageOf(draft);
    const thread = threadId ?? (await threads.create({ messages: [message] })).id;
    if (threadId !== undefined) await threads.messages.create(thread, message);
    const include = ['step_details.tool_calls[*].file_search.results[*].content' as const];
    await threads.runs.create(thread, { assistant_id: assistant!, include });
    if (threadId === undefined) await navigate(`/chat/${thread}`);
  };
}

export function messageOf({ text, files, tool }: Draft): MessageCreateParams {
  const images = files.filter(({ isImage }) => isImage);
  const others = files.filter(({ isImage }) => !isImage);
  return {
    role: 'user',
    content: [
      ...(text.trim() === '' ? [] : [{ type: 'text' as const, text }]),
      ...images.map(({ id }) => ({ type: 'image_file' as const, image_file: { file_id: id } })),
    ],
    ...(others.length > 0 && {
      attachments: others.map(({ id }) => ({ file_id: id, tools: [{ type: tool }] })),
    }),
  };
}
