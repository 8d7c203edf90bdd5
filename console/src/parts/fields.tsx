import { Anchor, Code, CopyButton, Group, Table, UnstyledButton } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

/** The fields of an object, each with its translated name. */
export function Fields({ values }: { values: Record<string, ReactNode> }) {
  const { t } = useTranslation();
  return (
    <Table>
      <Table.Tbody>
        {Object.entries(values).map(([name, value]) => (
          <Table.Tr key={name}>
            <Table.Th w={160} fw={500}>
              {t(`column.${name}`)}
            </Table.Th>
            <Table.Td>{value ?? '–'}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

/** An id, which a click copies. */
export function Id({ value }: { value: string }) {
  const { t } = useTranslation();
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <UnstyledButton onClick={copy} aria-label={t('field.copy', { id: value })}>
          <Code>{copied ? t('field.copied') : value}</Code>
        </UnstyledButton>
      )}
    </CopyButton>
  );
}

export function To({ path, children }: { path: string; children: ReactNode }) {
  return (
    <Anchor component={Link} to={path} size="sm">
      {children}
    </Anchor>
  );
}

export function Metadata({ value }: { value: Record<string, string> | null }) {
  return (
    <Group gap={4}>
      {Object.entries(value ?? {}).map(([key, text]) => (
        <Code key={key}>
          {key}: {text}
        </Code>
      ))}
    </Group>
  );
}
