import { Image, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useClient } from '../session.tsx';

export function FileImage({ id }: { id: string }) {
  const { t } = useTranslation();
  const client = useClient();
  const [url, setUrl] = useState<string>();
  const { data } = useQuery({
    queryKey: ['image', id],
    staleTime: Infinity,
    queryFn: async () => (await client.files.content(id)).blob(),
  });
  useEffect(() => {
    if (data === undefined) return;
    const made = URL.createObjectURL(data);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [data]);
  if (url === undefined) return <Skeleton h={240} maw={480} />;
  return (
    <Image
      src={url}
      alt={t('chat.figure')}
      w="auto"
      maw="100%"
      mah={480}
      fit="contain"
      radius="sm"
    />
  );
}
