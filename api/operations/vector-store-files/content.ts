import { readFileContent } from '../../../db/vector-stores/vector-store-files.ts';
import { fileContentPage } from '../../../wire/answers.ts';
import { sendInParts } from '../../http/send-in-parts.ts';
import { operation } from '../../operation.ts';
import { storeFilePath } from './store-file-path.ts';

/** One page, as hosted: the official clients ask for no other. It is sent as it is read. */
export const retrieveVectorStoreFileContent = operation({
  route: 'GET /vector_stores/{vector_store_id}/files/{file_id}/content',
  answer: fileContentPage,
  async send(call, response) {
    const parts = await readFileContent(call.pool, storeFilePath(call));
    await sendInParts(response, pageOf(parts));
  },
});

async function* pageOf(parts: AsyncIterable<string[]>): AsyncGenerator<string> {
  yield '{"object":"vector_store.file_content.page","data":[';
  let separator = '';
  for await (const texts of parts) {
    for (const text of texts) {
      yield separator + JSON.stringify({ type: 'text', text });
      separator = ',';
    }
  }
  yield '],"has_more":false,"next_page":null}';
}
