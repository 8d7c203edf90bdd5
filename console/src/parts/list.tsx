/** A page that lists objects of one kind, in pages of the API's cursor. */
import { Button, Group, Stack, Title } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

import { useClient } from '../session.tsx';
import { Rows } from './rows.tsx';
import type { Column } from './rows.tsx';
import { Failure, Waiting } from './states.tsx';

export type Listed<T> = { data: T[]; has_more: boolean };
export type Query = Record<string, string | number | undefined>;

/** Objects of the list at `path`, newest first. `query` filters them; they are read again every `refreshMs`. */
export function useObjects<T extends { id: string }>(
  path: string,
  query: Query = {},
  limit = 50,
  refreshMs?: number,
) {
  const client = useClient();
  const listed = useInfiniteQuery({
    queryKey: [path, query, limit],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      client.get<Listed<T>>(path, {
        query: { limit, ...query, ...(pageParam === '' ? {} : { after: pageParam }) },
        signal,
      }),
    getNextPageParam: ({ data, has_more }) => (has_more ? data.at(-1)?.id : undefined),
    refetchInterval: refreshMs ?? false,
  });
  return { ...listed, objects: listed.data?.pages.flatMap(({ data }) => data) ?? [] };
}

type Objects<T extends { id: string }> = ReturnType<typeof useObjects<T>>;

type Props<T extends { id: string }> = {
  title: string;
  listed: Objects<T>;
  columns: Column<T>[];
  actions?: ReactNode;
  filters?: ReactNode;
};

export function ListPage<T extends { id: string }>(props: Props<T>) {
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={1} size="h3">
          {props.title}
        </Title>
        <Group>{props.actions}</Group>
      </Group>
      {props.filters}
      <ObjectTable {...props} />
    </Stack>
  );
}

export function ObjectTable<T extends { id: string }>({ title, listed, columns }: Props<T>) {
  const { t } = useTranslation();
  if (listed.isPending) return <Waiting />;
  if (listed.isError) return <Failure error={listed.error} />;
  return (
    <>
      <Rows title={title} rows={listed.objects} keyOf={({ id }) => id} columns={columns} />
      {listed.hasNextPage && (
        <Button
          variant="default"
          loading={listed.isFetchingNextPage}
          onClick={() => void listed.fetchNextPage()}
        >
          {t('state.more')}
        </Button>
      )}
    </>
  );
}
