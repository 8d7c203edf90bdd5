/** The API key of this tab, and the official client that uses it. `npm start` passes the key in the fragment of its link. */
import {
  Alert,
  Button,
  Center,
  Code,
  Paper,
  PasswordInput,
  Stack,
  Text,
  Title,
} from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import OpenAI from 'openai';
import { createContext, use, useMemo, useState } from 'react';
import type { FormEvent, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

const STORED = 'threadmill.key';

export type Session = { client: OpenAI; key: string; leave: () => void };

const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  return use(SessionContext)!;
}

export function useClient(): OpenAI {
  return useSession().client;
}

/** The fragment never reaches a server or its logs, and leaves the address bar at once. */
function initialKey(): string {
  const given = new URLSearchParams(location.hash.slice(1)).get('key');
  if (given !== null) {
    sessionStorage.setItem(STORED, given);
    history.replaceState(null, '', location.pathname + location.search);
  }
  return sessionStorage.getItem(STORED) ?? '';
}

const clientOf = (apiKey: string) =>
  new OpenAI({ apiKey, baseURL: `${location.origin}/v1`, dangerouslyAllowBrowser: true });

export function SessionProvider({ children }: { children: ReactNode }) {
  const [key, setKey] = useState(initialKey);
  const queries = useQueryClient();
  const session = useMemo(() => {
    const leave = () => {
      sessionStorage.removeItem(STORED);
      queries.clear();
      setKey('');
    };
    return key === '' ? undefined : { client: clientOf(key), key, leave };
  }, [key, queries]);
  if (session === undefined) return <KeyForm onKey={setKey} />;
  return <SessionContext value={session}>{children}</SessionContext>;
}

function KeyForm({ onKey }: { onKey: (key: string) => void }) {
  const { t } = useTranslation();
  const [key, setKey] = useState('');
  const [error, setError] = useState<string>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    try {
      await clientOf(key).models.list();
      sessionStorage.setItem(STORED, key);
      onKey(key);
    } catch (failure) {
      setError((failure as Error).message);
    }
  };
  return (
    <Center component="main" mih="100vh" p="md">
      <Paper component="form" onSubmit={(event) => void submit(event)} withBorder p="xl" maw={460}>
        <Stack>
          <Title order={1} size="h3">
            Threadmill
          </Title>
          <Text>{t('key.explain')}</Text>
          <Code block>npm start</Code>
          <PasswordInput
            label={t('key.label')}
            value={key}
            onChange={(event) => setKey(event.currentTarget.value)}
            autoComplete="off"
            required
          />
          {error !== undefined && <Alert color="red">{error}</Alert>}
          <Button type="submit">{t('key.open')}</Button>
        </Stack>
      </Paper>
    </Center>
  );
}
