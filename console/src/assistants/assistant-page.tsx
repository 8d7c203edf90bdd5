/** Makes an assistant, or changes one. */
import { Button, Group, Stack, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';

import { Id } from '../parts/fields.tsx';
import { Failure, Waiting } from '../parts/states.tsx';
import { useAction } from '../parts/use-action.ts';
import { useClient } from '../session.tsx';
import { EMPTY, formOf, paramsOf } from './form.ts';
import type { Form } from './form.ts';
import { AnswerFields, BasicFields } from './basic-fields.tsx';
import { ToolFields } from './tool-fields.tsx';

const NEW = 'new';

export function AssistantPage() {
  const { assistantId } = useParams();
  const client = useClient();
  const { data, error, isPending } = useQuery({
    queryKey: ['assistant', assistantId],
    enabled: assistantId !== NEW,
    queryFn: () => client.beta.assistants.retrieve(assistantId!),
  });
  if (assistantId === NEW) return <Editor key={NEW} initial={EMPTY} />;
  if (error !== null) return <Failure error={error} />;
  if (isPending) return <Waiting />;
  return <Editor key={data.id} id={data.id} initial={formOf(data)} />;
}

function Editor({ id, initial }: { id?: string; initial: Form }) {
  const { t } = useTranslation();
  const { assistants } = useClient().beta;
  const [form, setForm] = useState(initial);
  const change = (part: Partial<Form>) => setForm((before) => ({ ...before, ...part }));
  const save = useAction(
    async () =>
      id === undefined ? assistants.create(paramsOf(form)) : assistants.update(id, paramsOf(form)),
    (saved) => {
      localStorage.setItem('threadmill.assistant', JSON.stringify(saved.id));
      return id === undefined ? '/chat' : '/assistants';
    },
  );
  const remove = useAction(
    () => assistants.delete(id!),
    () => '/assistants',
  );
  return (
    <Stack
      component="form"
      maw={760}
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <Title order={1} size="h3">
        {id === undefined ? t('assistant.new') : t('assistant.edit')}
      </Title>
      {id !== undefined && <Id value={id} />}
      <BasicFields form={form} change={change} />
      <ToolFields form={form} change={change} />
      <AnswerFields form={form} change={change} />
      <Group>
        <Button type="submit" loading={save.isPending}>
          {t('state.save')}
        </Button>
        {id !== undefined && (
          <Button color="red" variant="light" onClick={() => remove.mutate()}>
            {t('state.delete')}
          </Button>
        )}
      </Group>
    </Stack>
  );
}
