import { Autocomplete, Group, NumberInput, Select, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { JsonField } from '../parts/json-field.tsx';
import { useClient } from '../session.tsx';
import type { Form } from './form.ts';

export type FormProps = { form: Form; change: (part: Partial<Form>) => void };

export function BasicFields({ form, change }: FormProps) {
  const { t } = useTranslation();
  const client = useClient();
  const { data = [] } = useQuery({
    queryKey: ['models'],
    queryFn: async () => (await client.models.list()).data.map(({ id }) => id),
  });
  return (
    <>
      <TextInput
        label={t('column.name')}
        value={form.name}
        onChange={(event) => change({ name: event.currentTarget.value })}
      />
      <Autocomplete
        label={t('column.model')}
        required
        data={data}
        value={form.model}
        onChange={(model) => change({ model })}
      />
      <TextInput
        label={t('assistant.description')}
        value={form.description}
        onChange={(event) => change({ description: event.currentTarget.value })}
      />
      <Textarea
        label={t('assistant.instructions')}
        autosize
        minRows={4}
        maxRows={20}
        value={form.instructions}
        onChange={(event) => change({ instructions: event.currentTarget.value })}
      />
    </>
  );
}

export function AnswerFields({ form, change }: FormProps) {
  const { t } = useTranslation();
  return (
    <>
      <Group grow align="start">
        <NumberInput
          label={t('assistant.temperature')}
          min={0}
          max={2}
          step={0.1}
          value={form.temperature}
          onChange={(temperature) => change({ temperature })}
        />
        <NumberInput
          label={t('assistant.topP')}
          min={0}
          max={1}
          step={0.05}
          value={form.topP}
          onChange={(topP) => change({ topP })}
        />
        <Select
          label={t('assistant.effort')}
          clearable
          data={['none', 'minimal', 'low', 'medium', 'high']}
          value={form.reasoningEffort || null}
          onChange={(effort) => change({ reasoningEffort: effort ?? '' })}
        />
      </Group>
      <JsonField
        label={t('assistant.format')}
        value={form.responseFormat}
        onChange={(responseFormat) => change({ responseFormat })}
      />
      <JsonField
        label={t('column.metadata')}
        value={form.metadata}
        onChange={(metadata) => change({ metadata })}
      />
    </>
  );
}
