/** Answers the functions that a run waits for, by hand. */
import { Button, Code, Group, Paper, Stack, Text, Textarea } from '@mantine/core';
import type { Run } from 'openai/resources/beta/threads/runs/runs';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { Source } from '../parts/markdown.tsx';
import { useAction } from '../parts/use-action.ts';
import { useClient } from '../session.tsx';

export function ToolAnswers({ run }: { run: Run }) {
  const { t } = useTranslation();
  const client = useClient();
  const calls = run.required_action?.submit_tool_outputs.tool_calls ?? [];
  const [outputs, setOutputs] = useState<Record<string, string>>({});
  const submit = useAction(() =>
    client.beta.threads.runs.submitToolOutputs(run.id, {
      thread_id: run.thread_id,
      tool_outputs: calls.map(({ id }) => ({ tool_call_id: id, output: outputs[id] ?? '' })),
    }),
  );
  return (
    <Paper withBorder p="sm" role="region" aria-label={t('chat.answer')}>
      <Stack gap="xs">
        <Text fw={600}>{t('chat.answer')}</Text>
        {calls.map(({ id, function: { name, arguments: given } }) => (
          <Stack key={id} gap={4}>
            <Code>{name}</Code>
            <Source language="json" text={given} />
            <Textarea
              label={t('chat.output', { name })}
              autosize
              minRows={2}
              value={outputs[id] ?? ''}
              onChange={({ currentTarget: { value } }) => setOutputs({ ...outputs, [id]: value })}
            />
          </Stack>
        ))}
        <Group>
          <Button loading={submit.isPending} onClick={() => submit.mutate()}>
            {t('chat.submit')}
          </Button>
        </Group>
      </Stack>
    </Paper>
  );
}
