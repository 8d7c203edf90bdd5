import { Anchor, Badge, Group, Image, Paper, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type {
  Annotation,
  Message as Shown,
  TextContentBlock,
} from 'openai/resources/beta/threads/messages';
import { useTranslation } from 'react-i18next';

import { time } from '../language/index.ts';
import { Rendered } from '../parts/markdown.tsx';
import { download } from '../parts/upload.ts';
import { useClient } from '../session.tsx';
import type { Cited } from './citation.tsx';
import { FileImage } from './file-image.tsx';

type Props = { message: Shown; onCite: (cited: Cited) => void };

export function Message({ message, onCite }: Props) {
  const { t } = useTranslation();
  const own = message.role === 'user';
  return (
    <Paper
      component="article"
      withBorder={own}
      bg={own ? 'var(--mantine-color-default-hover)' : ''}
      p="sm"
    >
      <Group justify="space-between" mb={4}>
        <Text size="sm" fw={600}>
          {t(own ? 'chat.you' : 'chat.assistant')}
        </Text>
        <Group gap="xs">
          {message.status === 'incomplete' && (
            <Badge color="orange" variant="outline">
              {message.incomplete_details?.reason ?? t('status.incomplete')}
            </Badge>
          )}
          <Text size="xs" c="dimmed">
            {time(message.created_at)}
          </Text>
        </Group>
      </Group>
      <Stack gap="xs">
        {message.content.map((part, index) => (
          <Part key={index} part={part} message={message} onCite={onCite} />
        ))}
        {message.attachments?.map(
          ({ file_id: id }) => id !== undefined && <Attached key={id} id={id} />,
        )}
      </Stack>
    </Paper>
  );
}

function Part({ part, message, onCite }: Props & { part: Shown['content'][number] }) {
  if (part.type === 'text') return <Words part={part} message={message} onCite={onCite} />;
  if (part.type === 'refusal') return <Text c="red">{part.refusal}</Text>;
  if (part.type === 'image_file') return <FileImage id={part.image_file.file_id} />;
  const { url } = part.image_url;
  if (url.startsWith('data:')) {
    return <Image src={url} alt="" w="auto" maw="min(100%, 640px)" mah={480} fit="contain" />;
  }
  return (
    <Anchor href={url} target="_blank" rel="noreferrer" size="sm">
      {url}
    </Anchor>
  );
}

function Words({ part, message, onCite }: Props & { part: TextContentBlock }) {
  const client = useClient();
  const annotations = part.text.annotations ?? [];
  return (
    <Rendered
      text={withLinks(part.text.value ?? '', annotations)}
      components={{
        a: ({ href, children }) => {
          const [, kind, place] = /^#(citation|file)-(\d+)$/.exec(href ?? '') ?? [];
          const found = annotations[Number(place)];
          if (found === undefined) {
            return (
              <a href={href} target="_blank" rel="noreferrer">
                {children}
              </a>
            );
          }
          const open = () =>
            kind === 'file' && found.type === 'file_path'
              ? void download(client, found.file_path.file_id)
              : onCite({
                  annotation: found,
                  runId: message.run_id,
                  threadId: message.thread_id,
                  assistantId: message.assistant_id,
                  said: saidBefore(part.text.value ?? '', found),
                });
          return (
            <Anchor component="button" type="button" onClick={open}>
              {children}
            </Anchor>
          );
        },
      }}
    />
  );
}

const saidBefore = (text: string, { text: mark }: Annotation) =>
  text.slice(0, Math.max(0, text.indexOf(mark)));

/** Turns marks of citations and paths of the sandbox into links that this page handles. */
function withLinks(text: string, annotations: Annotation[]): string {
  return annotations.reduce((linked, annotation, place) => {
    if (annotation.type === 'file_citation') {
      return linked.replace(annotation.text, () => ` [[${place + 1}]](#citation-${place})`);
    }
    const name = annotation.text.split('/').at(-1)!;
    return linked
      .replaceAll(`(${annotation.text})`, () => `(#file-${place})`)
      .replaceAll(annotation.text, () => `[${name}](#file-${place})`);
  }, text);
}

function Attached({ id }: { id: string }) {
  const client = useClient();
  const { data } = useQuery({
    queryKey: ['file', id],
    staleTime: Infinity,
    queryFn: () => client.files.retrieve(id),
  });
  return (
    <Text size="sm" c="dimmed">
      {data?.filename ?? id}
    </Text>
  );
}
