/** The frame of every page: navigation, language, colours and the way out. */
import {
  ActionIcon,
  AppShell,
  Burger,
  Button,
  Group,
  NavLink,
  Select,
  Text,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';

import { LANGUAGES } from './language/index.ts';
import { useSession } from './session.tsx';

const GROUPS = {
  try: ['/chat', '/assistants'],
  look: ['/threads', '/runs', '/files', '/vector-stores'],
  operate: ['/status', '/batches', '/webhooks', '/usage', '/projects'],
};

/** The page of a run has its thread in its path. */
const RUN = /^\/threads\/[^/]+\/runs\//;

export function Shell({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const [open, { toggle, close }] = useDisclosure();
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 200, breakpoint: 'sm', collapsed: { mobile: !open } }}
      padding="md"
    >
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group wrap="nowrap" gap="sm">
            <Burger
              opened={open}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label={t('shell.menu')}
            />
            <Text fw={700}>Threadmill</Text>
          </Group>
          <Preferences />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label={t('shell.menu')}>
        {Object.entries(GROUPS).map(([name, paths]) => (
          <Section key={name} name={name} paths={paths} onGo={close} />
        ))}
      </AppShell.Navbar>
      <AppShell.Main>{children}</AppShell.Main>
    </AppShell>
  );
}

function Section({ name, paths, onGo }: { name: string; paths: string[]; onGo: () => void }) {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  const shown = RUN.test(pathname) ? '/runs' : pathname;
  return (
    <>
      <Text size="xs" c="dimmed" tt="uppercase" px="sm" pt="sm">
        {t(`shell.${name}`)}
      </Text>
      {paths.map((path) => (
        <NavLink
          key={path}
          component={Link}
          to={path}
          label={t(`shell.${path.slice(1)}`)}
          active={shown.startsWith(path)}
          aria-current={shown.startsWith(path) ? 'page' : undefined}
          onClick={onGo}
        />
      ))}
    </>
  );
}

function Preferences() {
  const { t, i18n } = useTranslation();
  const { leave } = useSession();
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme('light') === 'dark';
  return (
    <Group wrap="nowrap" gap="xs">
      <Select
        aria-label={t('shell.language')}
        size="xs"
        w={{ base: 92, xs: 110 }}
        data={LANGUAGES}
        value={i18n.resolvedLanguage ?? 'en'}
        allowDeselect={false}
        onChange={(language) => void i18n.changeLanguage(language ?? 'en')}
      />
      <ActionIcon
        variant="default"
        aria-label={t(dark ? 'shell.light' : 'shell.dark')}
        onClick={() => setColorScheme(dark ? 'light' : 'dark')}
      >
        {dark ? '☀' : '☾'}
      </ActionIcon>
      <Button size="xs" variant="default" onClick={leave}>
        {t('shell.leave')}
      </Button>
    </Group>
  );
}
