/** The filters of a list, and the query that the API takes for them. */
import { Group, Select, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useTranslation } from 'react-i18next';

import type { Query } from './list.tsx';

type Name = 'metadata' | 'since' | 'status' | 'assistant' | 'text';
export type Filter = Partial<Record<Name, string>>;

const STATUSES = [
  'queued',
  'in_progress',
  'requires_action',
  'cancelling',
  'completed',
  'incomplete',
  'failed',
  'expired',
  'cancelled',
];
const TYPING_MS = 300;

type Props = { fields: Name[]; filter: Filter; onChange: (filter: Filter) => void };

export function Filters({ fields, filter, onChange }: Props) {
  const { t } = useTranslation();
  const type = useDebouncedCallback(onChange, TYPING_MS);
  return (
    <Group gap="xs" role="search">
      {fields.map((name) =>
        name === 'status' ? (
          <Select
            key={name}
            size="xs"
            aria-label={t('column.status')}
            placeholder={t('column.status')}
            clearable
            data={STATUSES.map((value) => ({ value, label: t(`status.${value}`) }))}
            value={filter.status ?? null}
            onChange={(status) => onChange({ ...filter, status: status ?? undefined })}
          />
        ) : (
          <TextInput
            key={name}
            size="xs"
            aria-label={t(`filter.${name}`)}
            placeholder={t(`filter.${name}`)}
            defaultValue={filter[name]}
            onChange={(event) => type({ ...filter, [name]: event.currentTarget.value })}
          />
        ),
      )}
    </Group>
  );
}

/** `metadata` is written as `key: value`, `since` as a date. An unfinished value does not filter. */
export function queryOf({ metadata = '', since = '', status, assistant, text }: Filter): Query {
  const [, key, value] = /^\s*([^:=]+?)\s*[:=]\s*(.+?)\s*$/.exec(metadata) ?? [];
  const from = Date.parse(since);
  return {
    ...(key !== undefined && { [`metadata[${key}]`]: value }),
    ...(Number.isFinite(from) && { created_after: Math.floor(from / 1_000) }),
    ...(status && { status }),
    ...(assistant && { assistant_id: assistant }),
    ...(text && { text }),
  };
}
