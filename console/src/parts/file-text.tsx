/** The text of a file in a vector store, with one of its chunks marked. */
import { Mark, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { useClient } from '../session.tsx';
import { passageOf } from './passage.ts';
import { Failure, Waiting } from './states.tsx';

/** Characters before and after the chunk. */
const AROUND = 3_000;

type Props = {
  storeId: string;
  fileId: string;
  chunk: string;
  /** The text of the answer before the citation: it decides which sentence is marked. */
  said?: string;
};

export function FileText({ storeId, fileId, chunk, said = '' }: Props) {
  const { data, error } = useFileText(storeId, fileId);
  const { t } = useTranslation();
  if (error !== null) return <Failure error={error} />;
  if (data === undefined) return <Waiting />;
  const at = data.indexOf(chunk);
  const begin = Math.max(0, at);
  const end = begin + (at < 0 ? 0 : chunk.length);
  return (
    <Text size="sm" component="div" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
      {begin > AROUND && '… '}
      {data.slice(Math.max(0, begin - AROUND), begin)}
      <div
        ref={(element) => element?.scrollIntoView({ block: 'center' })}
        role="region"
        aria-label={t('store.chunk')}
        className="chunk"
      >
        <Chunk text={chunk} said={said} />
      </div>
      {data.slice(end, end + AROUND)}
      {end + AROUND < data.length && ' …'}
    </Text>
  );
}

/** A chunk whose cited sentence is marked. */
export function Chunk({ text, said }: { text: string; said: string }) {
  const { before, cited, after } = passageOf(text, said);
  return (
    <>
      {before}
      {cited !== '' && <Mark>{cited}</Mark>}
      {after}
    </>
  );
}

function useFileText(storeId: string, fileId: string) {
  const client = useClient();
  return useQuery({
    queryKey: ['file-text', storeId, fileId],
    queryFn: async () => {
      const { data } = await client.vectorStores.files.content(fileId, {
        vector_store_id: storeId,
      });
      return data.map(({ text }) => text).join('');
    },
  });
}
