/** The next message, its files, and the assistant that answers it. */
import { Button, Center, FileButton, Group, Paper, Select, Stack, Textarea } from '@mantine/core';
import { Dropzone } from '@mantine/dropzone';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useAction } from '../parts/use-action.ts';
import { Attachments, useAttachments } from './attachments.tsx';
import type { Attached } from './attachments.tsx';

export type Draft = { text: string; files: Attached[]; tool: 'code_interpreter' | 'file_search' };

type ChoiceProps = { shown: boolean; tool: Draft['tool']; onChange: (tool: Draft['tool']) => void };

type Props = {
  busy: boolean;
  ready: boolean;
  onSend: (draft: Draft) => Promise<unknown>;
  onStop: () => void;
};

export function Composer({ busy, ready, onSend, onStop }: Props) {
  const { t } = useTranslation();
  const [text, setText] = useState('');
  const [tool, setTool] = useState<Draft['tool']>('code_interpreter');
  const { files, progress, add, remove, clear } = useAttachments();
  const send = useAction(async () => {
    await onSend({ text, files, tool });
    setText('');
    clear();
  });
  const empty = text.trim() === '' && files.length === 0;
  const canSend = ready && !busy && !empty && progress === undefined && !send.isPending;
  return (
    <Paper withBorder p="sm">
      <Dropzone.FullScreen onDrop={add}>
        <Center mih={200}>{t('chat.drop')}</Center>
      </Dropzone.FullScreen>
      <Stack gap="xs">
        <Attachments files={files} progress={progress} onRemove={remove} />
        <Textarea
          aria-label={t('chat.message')}
          placeholder={t('chat.message')}
          autosize
          minRows={2}
          maxRows={10}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
            event.preventDefault();
            if (canSend) send.mutate();
          }}
        />
        <Group justify="space-between">
          <Group gap="xs">
            <FileButton multiple onChange={add}>
              {(props) => (
                <Button {...props} variant="default" size="xs">
                  {t('chat.attach')}
                </Button>
              )}
            </FileButton>
            <ToolChoice
              shown={files.some(({ isImage }) => !isImage)}
              tool={tool}
              onChange={setTool}
            />
          </Group>
          <SendOrStop
            busy={busy}
            sending={send.isPending}
            onSend={canSend ? () => send.mutate() : undefined}
            onStop={onStop}
          />
        </Group>
      </Stack>
    </Paper>
  );
}

function ToolChoice({ shown, tool, onChange }: ChoiceProps) {
  const { t } = useTranslation();
  if (!shown) return null;
  return (
    <Select
      size="xs"
      aria-label={t('chat.tool')}
      allowDeselect={false}
      data={['code_interpreter', 'file_search'].map((value) => ({
        value,
        label: t(`tool.${value}`),
      }))}
      value={tool}
      onChange={(value) => onChange(value as Draft['tool'])}
    />
  );
}

type ButtonProps = {
  busy: boolean;
  sending: boolean;
  /** Undefined: there is nothing to send. */
  onSend: (() => void) | undefined;
  onStop: () => void;
};

function SendOrStop({ busy, sending, onSend, onStop }: ButtonProps) {
  const { t } = useTranslation();
  return busy ? (
    <Button size="xs" color="red" variant="light" onClick={onStop}>
      {t('chat.stop')}
    </Button>
  ) : (
    <Button size="xs" disabled={onSend === undefined} loading={sending} onClick={onSend}>
      {t('chat.send')}
    </Button>
  );
}
