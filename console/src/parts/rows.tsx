import { ScrollArea, Table, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

export type Column<T> = { name: string; cell: (row: T) => ReactNode };

type Props<T> = { title: string; rows: T[]; keyOf: (row: T) => string; columns: Column<T>[] };

/** A table, whose columns have translated names. */
export function Rows<T>({ title, rows, keyOf, columns }: Props<T>) {
  const { t } = useTranslation();
  if (rows.length === 0) return <Text c="dimmed">{t('state.empty')}</Text>;
  return (
    <ScrollArea viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': title }}>
      <Table highlightOnHover miw={560} aria-label={title}>
        <Table.Thead>
          <Table.Tr>
            {columns.map(({ name }) => (
              <Table.Th key={name}>{t(`column.${name}`)}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={keyOf(row)}>
              {columns.map(({ name, cell }) => (
                <Table.Td key={name}>{cell(row)}</Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </ScrollArea>
  );
}
