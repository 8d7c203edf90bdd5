/** Commands of several operations, in the project of the key. */
import type OpenAI from 'openai';

import { StartError } from '../serve/start-error.ts';

type Page = { data: { id: string }[]; has_more: boolean };

/** The oldest first. */
export async function purgeThreads(
  client: OpenAI,
  created_before: number,
  isDry: boolean,
): Promise<string> {
  let count = 0;
  for (let after: string | undefined; ;) {
    const query = { created_before, limit: 100, order: 'asc', ...(after && { after }) };
    const { data, has_more } = await client.get<Page>('/threads', { query });
    for (const { id } of isDry ? [] : data) await client.beta.threads.delete(id);
    count += data.length;
    after = data.at(-1)?.id;
    if (!has_more || after === undefined) break;
  }
  return `${isDry ? 'Would delete' : 'Deleted'} ${count} threads.`;
}

/** Each file leaves its store and comes again, at its former place. Until it is indexed, searches do not find it. */
export async function reindexStore(client: OpenAI, vector_store_id: string): Promise<string> {
  const { files } = client.vectorStores;
  let count = 0;
  for await (const file of files.list(vector_store_id, { limit: 100, order: 'asc' })) {
    const { id, attributes, chunking_strategy: strategy } = file;
    await files.delete(id, { vector_store_id });
    const again = {
      file_id: id,
      attributes: attributes ?? {},
      ...(strategy?.type === 'static' && { chunking_strategy: strategy }),
    };
    await files.create(vector_store_id, again).catch((cause: Error) => {
      const lost = `${vector_store_id} has lost a file (${cause.message}): add it again with`;
      throw new StartError(`${lost} ${JSON.stringify(again)}.`, { cause });
    });
    count += 1;
  }
  return `${count} files of ${vector_store_id} are being indexed anew.`;
}
