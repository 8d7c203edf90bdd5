import {
  Button,
  Fieldset,
  FileButton,
  Group,
  MultiSelect,
  Progress,
  Stack,
  Switch,
} from '@mantine/core';
import type { FileObject } from 'openai/resources/files';
import type { VectorStore } from 'openai/resources/vector-stores/vector-stores';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { JsonField, schemaProblem } from '../parts/json-field.tsx';
import { useObjects } from '../parts/list.tsx';
import { upload } from '../parts/upload.ts';
import { useAction } from '../parts/use-action.ts';
import { useSession } from '../session.tsx';
import type { FormProps } from './basic-fields.tsx';

const NEW_FUNCTION = JSON.stringify(
  {
    name: 'get_weather',
    description: 'The weather of a city.',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
    },
  },
  null,
  2,
);

export function ToolFields({ form, change }: FormProps) {
  const { t } = useTranslation();
  const stores = useObjects<VectorStore>('/vector_stores', {}, 100).objects;
  return (
    <Fieldset legend={t('column.tools')}>
      <Stack>
        <Switch
          label={t('tool.code_interpreter')}
          checked={form.code}
          onChange={(event) => change({ code: event.currentTarget.checked })}
        />
        {form.code && <CodeFiles form={form} change={change} />}
        <Switch
          label={t('tool.file_search')}
          checked={form.search}
          onChange={(event) => change({ search: event.currentTarget.checked })}
        />
        {form.search && (
          <MultiSelect
            label={t('shell.vector-stores')}
            searchable
            data={stores.map(({ id, name }) => ({ value: id, label: name || id }))}
            value={form.stores}
            maxValues={1}
            onChange={(chosen: string[]) => change({ stores: chosen })}
          />
        )}
        <Functions form={form} change={change} />
      </Stack>
    </Fieldset>
  );
}

function CodeFiles({ form, change }: FormProps) {
  const { t } = useTranslation();
  const { key } = useSession();
  const files = useObjects<FileObject>('/files', { purpose: 'assistants' }, 100).objects;
  const [progress, setProgress] = useState<number>();
  const send = useAction(async (chosen: File[]) => {
    const ids = [...form.codeFiles];
    for (const file of chosen) {
      ids.push((await upload({ key, file, purpose: 'assistants' }, setProgress)).id);
      change({ codeFiles: [...ids] });
    }
  });
  return (
    <>
      <MultiSelect
        label={t('shell.files')}
        searchable
        maxValues={20}
        data={files.map(({ id, filename }) => ({ value: id, label: filename }))}
        value={form.codeFiles}
        onChange={(codeFiles: string[]) => change({ codeFiles })}
      />
      {send.isPending && (
        <Progress value={(progress ?? 0) * 100} aria-label={t('chat.uploading')} />
      )}
      <Group>
        <FileButton multiple onChange={(chosen) => send.mutate(chosen)}>
          {(props) => (
            <Button {...props} size="xs" variant="default">
              {t('file.upload')}
            </Button>
          )}
        </FileButton>
      </Group>
    </>
  );
}

function Functions({ form: { functions }, change }: FormProps) {
  const { t } = useTranslation();
  const check = (value: unknown) => {
    const { name, parameters } = value as { name?: unknown; parameters?: unknown };
    if (typeof name !== 'string' || !/^[\w-]{1,64}$/.test(name)) return t('function.name');
    return parameters === undefined ? undefined : schemaProblem(parameters);
  };
  return (
    <>
      {functions.map((text, place) => (
        <Stack key={place} gap={4}>
          <JsonField
            label={`${t('tool.function')} ${place + 1}`}
            value={text}
            check={check}
            rows={8}
            onChange={(changed) => change({ functions: functions.with(place, changed) })}
          />
          <Group>
            <Button
              size="xs"
              variant="subtle"
              color="red"
              onClick={() => change({ functions: functions.toSpliced(place, 1) })}
            >
              {t('state.delete')}
            </Button>
          </Group>
        </Stack>
      ))}
      <Group>
        <Button
          size="xs"
          variant="default"
          onClick={() => change({ functions: [...functions, NEW_FUNCTION] })}
        >
          {t('function.add')}
        </Button>
      </Group>
    </>
  );
}
