import { Button, Text } from '@mantine/core';
import type { Message } from 'openai/resources/beta/threads/messages';
import type { Thread } from 'openai/resources/beta/threads/threads';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

import { time } from '../language/index.ts';
import { Id, Metadata, To } from '../parts/fields.tsx';
import { Filters, queryOf } from '../parts/filters.tsx';
import type { Filter } from '../parts/filters.tsx';
import { ListPage, useObjects } from '../parts/list.tsx';
import { useAction } from '../parts/use-action.ts';
import { useClient } from '../session.tsx';

/** Lists threads, or the messages that contain the words of the filter. */
export function ThreadsPage() {
  const [filter, setFilter] = useState<Filter>({});
  const filters = (
    <Filters fields={['text', 'metadata', 'since']} filter={filter} onChange={setFilter} />
  );
  return filter.text ? (
    <Messages filter={filter} filters={filters} />
  ) : (
    <Threads filter={filter} filters={filters} />
  );
}

type Props = { filter: Filter; filters: ReactNode };

function Messages({ filter, filters }: Props) {
  const { t } = useTranslation();
  const { text, since } = filter;
  const listed = useObjects<Message>('/threadmill/messages/search', queryOf({ text, since }));
  return (
    <ListPage
      title={t('shell.threads')}
      listed={listed}
      filters={filters}
      columns={[
        { name: 'message', cell: ({ content }) => <Text lineClamp={3}>{wordsOf(content)}</Text> },
        {
          name: 'open',
          cell: ({ thread_id: id }) => <To path={`/chat/${id}`}>{t('field.read')}</To>,
        },
        { name: 'created_at', cell: ({ created_at: at }) => time(at) },
      ]}
    />
  );
}

function wordsOf(content: Message['content']): string {
  return content.map((part) => (part.type === 'text' ? part.text.value : '')).join(' ');
}

function Threads({ filter, filters }: Props) {
  const { t } = useTranslation();
  const client = useClient();
  const listed = useObjects<Thread>('/threads', queryOf(filter));
  const remove = useAction((id: string) => client.beta.threads.delete(id));
  return (
    <ListPage
      title={t('shell.threads')}
      listed={listed}
      filters={filters}
      columns={[
        { name: 'id', cell: ({ id }) => <Id value={id} /> },
        { name: 'open', cell: ({ id }) => <To path={`/chat/${id}`}>{t('field.read')}</To> },
        { name: 'metadata', cell: ({ metadata }) => <Metadata value={metadata as never} /> },
        { name: 'created_at', cell: ({ created_at: at }) => time(at) },
        {
          name: 'actions',
          cell: ({ id }) => (
            <Button
              size="compact-xs"
              variant="subtle"
              color="red"
              onClick={() => remove.mutate(id)}
            >
              {t('state.delete')}
            </Button>
          ),
        },
      ]}
    />
  );
}
