/** Which model server answers. Its key is never shown, nor anything else that a URL may hide. */
import type { Config, ModelEntry } from '../../config.ts';
import { modelTarget, usesDemoModel } from '../../config.ts';
import type { Finding } from './report.ts';

const ANSWER_MS = 5_000;
const part = 'Model';

export async function models(config: Config): Promise<Finding[]> {
  if (usesDemoModel(config)) {
    const says = 'the built-in demo model, NOT an LLM';
    return [{ part, state: 'note', says, remedy: 'set MODEL_BASE_URL for a real one' }];
  }
  const { modelBaseUrl, modelApiKey } = config;
  const given = modelBaseUrl === undefined ? [] : [ask('', modelBaseUrl, modelApiKey)];
  return Promise.all([...given, ...config.models.map((entry) => listed(entry, config))]);
}

async function listed({ id, api_key_env: variable }: ModelEntry, config: Config): Promise<Finding> {
  const target = modelTarget(config, id);
  if (target === undefined) {
    const remedy = 'give it a base_url in MODELS_FILE, or set MODEL_BASE_URL';
    return { part, state: 'note', says: `${id} has no server`, remedy };
  }
  if (variable === undefined || target.apiKey !== 'none')
    return ask(`${id} at `, target.baseUrl, target.apiKey);
  return { part, state: 'note', says: `${id}: ${variable} is not set`, remedy: `set ${variable}` };
}

/** Any answer shows that a server is there; only a refused key is worth a word. */
async function ask(name: string, baseUrl: string, key: string): Promise<Finding> {
  const { origin, pathname } = new URL(baseUrl);
  const place = name + origin + pathname;
  const keyed = key === 'none' ? 'no key' : 'a key is set';
  try {
    const { status } = await fetch(`${baseUrl}/models`, {
      headers: { authorization: `Bearer ${key}` },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const refused = status === 401 || status === 403;
    if (!refused) return { part, state: 'ok', says: `${place} answers (${keyed})` };
    const says = `${place} refuses the key (${keyed})`;
    return { part, state: 'note', says, remedy: 'give it a key of that server' };
  } catch {
    const remedy = 'start it, or correct its URL';
    return { part, state: 'note', says: `${place} does not answer (${keyed})`, remedy };
  }
}
