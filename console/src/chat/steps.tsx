/** The steps of a run between the messages: code with its outputs, searches and calls of functions. */
import { Accordion, Code, Group, Loader, Stack, Text } from '@mantine/core';
import type { RunStep, ToolCall } from 'openai/resources/beta/threads/runs/steps';
import { useTranslation } from 'react-i18next';

import { To } from '../parts/fields.tsx';
import { Source } from '../parts/markdown.tsx';
import { Status } from '../parts/states.tsx';
import { FileImage } from './file-image.tsx';
import { isActive } from './live-run.ts';
import type { Live } from './live-run.ts';
import { useSteps } from './use-steps.ts';

type Props = { threadId: string; runId: string; live: Live };

export function Steps({ threadId, runId, live }: Props) {
  const isLive = live.run?.id === runId && live.steps.size > 0;
  const { data = [] } = useSteps(threadId, runId, !isLive);
  const { t } = useTranslation();
  const steps = (isLive ? [...live.steps.values()] : data).filter(
    ({ type }) => type === 'tool_calls',
  );
  const running = live.run?.id === runId && isActive(live.run.status);
  return (
    <Stack gap={4}>
      <Group gap="xs">
        {running && <Loader size="xs" type="dots" />}
        {live.run?.id === runId && <Status value={live.run.status} />}
        <To path={`/threads/${threadId}/runs/${runId}`}>{t('chat.run')}</To>
      </Group>
      {live.run?.id === runId && live.run.last_error !== null && (
        <Text c="red" size="sm" role="alert">
          {live.run.last_error.message}
        </Text>
      )}
      {steps.length > 0 && <StepList steps={steps} open={isLive} />}
    </Stack>
  );
}

export function StepList({ steps, open }: { steps: RunStep[]; open: boolean }) {
  const calls = steps.flatMap(({ step_details: details }) =>
    details.type === 'tool_calls' ? details.tool_calls : [],
  );
  const shown = calls.map((call, index) => ({ call, value: call.id || String(index) }));
  return (
    <Accordion
      key={String(open)}
      multiple
      variant="contained"
      defaultValue={open ? shown.map(({ value }) => value) : []}
    >
      {shown.map(({ call, value }) => (
        <Accordion.Item key={value} value={value}>
          <Accordion.Control>
            <Title call={call} />
          </Accordion.Control>
          <Accordion.Panel>
            <Call call={call} />
          </Accordion.Panel>
        </Accordion.Item>
      ))}
    </Accordion>
  );
}

function Title({ call }: { call: ToolCall }) {
  const { t } = useTranslation();
  return (
    <Text size="sm">{call.type === 'function' ? call.function.name : t(`tool.${call.type}`)}</Text>
  );
}

function Call({ call }: { call: ToolCall }) {
  if (call.type === 'function') {
    return (
      <Stack gap="xs">
        <Source language="json" text={call.function.arguments} />
        {call.function.output !== null && <Source language="" text={call.function.output} />}
      </Stack>
    );
  }
  if (call.type === 'code_interpreter') {
    return (
      <Stack gap="xs">
        <Source language="python" text={call.code_interpreter.input} />
        {call.code_interpreter.outputs.map((output, index) =>
          output.type === 'logs' ? (
            <Source key={index} language="" text={output.logs} />
          ) : (
            <FileImage key={index} id={output.image.file_id} />
          ),
        )}
      </Stack>
    );
  }
  return <Found results={call.file_search.results ?? []} />;
}

type Result = NonNullable<
  Extract<ToolCall, { type: 'file_search' }>['file_search']['results']
>[number];

function Found({ results }: { results: Result[] }) {
  return (
    <Stack gap="xs">
      {results.map(({ file_id: id, file_name: name, score, content }, index) => (
        <div key={`${id}-${index}`}>
          <Group gap="xs">
            <Text size="sm" fw={600}>
              {name}
            </Text>
            <Code>{score.toFixed(3)}</Code>
          </Group>
          <Text size="sm" lineClamp={4}>
            {content?.map(({ text }) => text).join('\n')}
          </Text>
        </div>
      ))}
    </Stack>
  );
}
