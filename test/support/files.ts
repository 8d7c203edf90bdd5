import type OpenAI from 'openai';
import { toFile } from 'openai';

/** The id of a new file. */
export async function createFile(
  client: OpenAI,
  content: string | Buffer = 'x',
  name = 'a.txt',
  purpose: OpenAI.Files.FileCreateParams['purpose'] = 'assistants',
): Promise<string> {
  const file = await toFile(Buffer.from(content), name);
  return (await client.files.create({ file, purpose })).id;
}
