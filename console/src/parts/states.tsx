import { Alert, Badge, Center, Loader } from '@mantine/core';
import { APIError } from 'openai';
import { useTranslation } from 'react-i18next';

export function Waiting() {
  const { t } = useTranslation();
  return (
    <Center p="xl" role="status" aria-label={t('state.loading')}>
      <Loader size="sm" />
    </Center>
  );
}

/** The server's message, with the id of the request. */
export function Failure({ error }: { error: unknown }) {
  const { t } = useTranslation();
  const id = error instanceof APIError ? error.requestID : undefined;
  return (
    <Alert color="red" title={t('state.failed')} role="alert">
      {(error as Error).message} {id}
    </Alert>
  );
}

const COLOURS: Record<string, string> = {
  completed: 'green',
  processed: 'green',
  succeeded: 'green',
  failed: 'red',
  dead: 'red',
  expired: 'red',
  incomplete: 'orange',
  requires_action: 'grape',
  cancelled: 'gray',
  cancelling: 'gray',
  disabled: 'gray',
};

export function Status({ value }: { value: string }) {
  const { t } = useTranslation();
  // The frame has the colour: coloured words would be too pale to read.
  return (
    <Badge
      variant="outline"
      color={COLOURS[value] ?? 'blue'}
      tt="none"
      miw="max-content"
      styles={{ label: { color: 'var(--mantine-color-text)' } }}
    >
      {t(`status.${value}`, { defaultValue: value })}
    </Badge>
  );
}
