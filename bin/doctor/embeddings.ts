/** Checks whether semantic search works. Shows neither the key nor other secrets in a URL. */
import type { Config } from '../../config/config.ts';
import { embeddingsTarget, semanticSearch } from '../../config/config.ts';
import { createEmbedder } from '../../retrieval/index.ts';
import type { Finding } from './report.ts';
import { ok } from './report.ts';

const ANSWER_MS = 10_000;
const part = 'Embeddings';

export async function embeddings(config: Config): Promise<Finding> {
  const target = embeddingsTarget(config);
  if (target === undefined) {
    const says = 'semantic search off: no embeddings endpoint; files are found by their words';
    return { part, state: 'note', says, remedy: 'set EMBEDDINGS_BASE_URL to turn it on' };
  }
  const { origin, pathname } = new URL(target.baseUrl);
  const place = `semantic search ${semanticSearch(config)} at ${origin}${pathname}`;
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const [vector] = await createEmbedder(target).embed(['Are you there?'], signal);
    return ok(part, `${place} answers with ${vector!.length} numbers`);
  } catch (error) {
    const says = `${place} does not work: ${(error as Error).message}`;
    return { part, state: 'note', says, remedy: 'correct EMBEDDINGS_BASE_URL, _API_KEY or _MODEL' };
  }
}
