import type { Run } from 'openai/resources/beta/threads/runs/runs';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { time } from '../language/index.ts';
import { To } from '../parts/fields.tsx';
import { Filters, queryOf } from '../parts/filters.tsx';
import type { Filter } from '../parts/filters.tsx';
import { ListPage, useObjects } from '../parts/list.tsx';
import { Status } from '../parts/states.tsx';

export function RunsPage() {
  const { t } = useTranslation();
  const [filter, setFilter] = useState<Filter>({});
  const listed = useObjects<Run>('/threadmill/runs', queryOf(filter));
  return (
    <ListPage
      title={t('shell.runs')}
      listed={listed}
      filters={
        <Filters
          fields={['status', 'assistant', 'metadata', 'since']}
          filter={filter}
          onChange={setFilter}
        />
      }
      columns={[
        {
          name: 'id',
          cell: ({ id, thread_id: thread }) => <To path={`/threads/${thread}/runs/${id}`}>{id}</To>,
        },
        { name: 'status', cell: ({ status }) => <Status value={status} /> },
        {
          name: 'assistant',
          cell: ({ assistant_id: id }) => <To path={`/assistants/${id}`}>{id}</To>,
        },
        { name: 'model', cell: ({ model }) => model },
        { name: 'tokens', cell: ({ usage }) => usage?.total_tokens.toLocaleString() ?? '–' },
        { name: 'created_at', cell: ({ created_at: at }) => time(at) },
        { name: 'seconds', cell: (run) => seconds(run) },
      ]}
    />
  );
}

/** From the creation to the end. */
export function seconds({ created_at: from, completed_at, failed_at, cancelled_at }: Run): string {
  const end = completed_at ?? failed_at ?? cancelled_at;
  return end === null ? '–' : `${end - from} s`;
}
